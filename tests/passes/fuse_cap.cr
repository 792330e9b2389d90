# RUN: { echo 'graph "cap" {'; cat %s | grep '^ '; for i in $(seq 3 200); do \
# RUN:     echo "%$i = tanh %$((i - 1)) : f32[64]"; done; echo 'output "y", %200 }'; } > %t.cr
# RUN: %crisol opt %t.cr --emit=reasons | FileCheck %s
# RUN: %crisol opt %t.cr --emit=plan | FileCheck %s --check-prefix=PLAN
# No chain makes a kernel that a driver chokes on.

# CHECK-COUNT-62: fused: follows
# CHECK-NEXT: tanh: refused: the phase has reached its cap of nodes{{$}}
# PLAN: {{[345]}} phases in
  %1 = input "x" : f32[64]
  %2 = tanh %1 : f32[64]
