# RUN: %crisol opt %s --emit=reasons --variant=unfused | FileCheck %s
# RUN: %crisol opt %s --emit=reasons --variant=naive | FileCheck %s --check-prefix=NAIVE
# RUN: %crisol opt %s --emit=plan --variant=unfused | FileCheck %s --check-prefix=PLAN
# Unfused, a kernel is an op of the user, however many nodes that is: a softmax fuses with itself and with
# nothing else. A node without origin is an op by itself.

graph "variant" {
  # CHECK: neg -> %{{[0-9]+}} amax: refused: another op of the user, and the variant is not fused{{$}}
  # CHECK: neg -> %{{[0-9]+}} sub: refused: another op of the user, and the variant is not fused{{$}}
  # CHECK: sub -> %{{[0-9]+}} exp: fused: follows its producer element by element
  # CHECK: exp -> %{{[0-9]+}} sum: fused: reduced where it is produced
  # CHECK: sum -> %{{[0-9]+}} log: refused: another op of the user, and the variant is not fused{{$}}
  # CHECK: log -> %{{[0-9]+}} tanh: refused: another op of the user, and the variant is not fused{{$}}
  # PLAN: 4 phases in 4 launches
  # NAIVE: neg -> %{{[0-9]+}} copy: refused: the value crosses between host and device{{$}}
  # NAIVE: copy -> %{{[0-9]+}} amax: refused: the value crosses between host and device{{$}}
  # NAIVE: sub -> %{{[0-9]+}} exp: fused
  %1 = input "x" : f32[24,16]
  %2 = neg %1 : f32[24,16] !1 "neg" m.c:1
  %3 = amax %2 axes(1) : f32[24,1] !2 "softmax" m.c:2
  %4 = expand %3 : f32[24,16] !2
  %5 = sub %2, %4 : f32[24,16] !2
  %6 = exp %5 : f32[24,16] !2
  %7 = sum %6 axes(1) : f32[24,1] !2
  %8 = log %7 : f32[24,1]
  %9 = tanh %8 : f32[24,1]
  output "y", %9
}
