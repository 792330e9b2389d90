# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s -D#BATCH=64
# RUN: %crisol opt %s --emit=cl --target=cpu --bind batch=17 | FileCheck %s -D#BATCH=17
# RUN: %crisol opt %s --emit=cl --target=gpu --bind batch=1 | FileCheck %s -D#BATCH=1
# RUN: %crisol opt %s --emit=plan --bind batch=17 | FileCheck %s --check-prefix=PLAN
# RUN: not %crisol opt %s --bind batch=65 2>&1 | FileCheck %s --check-prefix=ABOVE
# RUN: not %crisol opt %s --bind batch=0 2>&1 | FileCheck %s --check-prefix=ZERO
# RUN: not %crisol opt %s --bind bacth=3 2>&1 | FileCheck %s --check-prefix=UNKNOWN
# The last, smaller batch is a program of its own: sizes in it are literals, a mean divides by what is
# there, and the states are where they are in the other program.

graph "batches" {
  symbol batch <= 64
  # CHECK: /* {{.*}}
  # CHECK-NOT: batch
  # CHECK: matmul {{.*}} : f32{{\[}}[[#BATCH]],41]
  # CHECK: kernel
  # PLAN: at 0: %{{[0-9]+}} state "w", 6068 B
  # ABOVE: batch{{.*}}65{{.*}}64
  # ZERO: '0' is not a size
  # UNKNOWN: bacth
  %1 = input "x" : f32[batch,37]
  %2 = state "w" param : f32[37,41]
  %3 = matmul %1, %2 : f32[batch,41]
  output "y", %3
}
