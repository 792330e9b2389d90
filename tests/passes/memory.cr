# RUN: %crisol opt %s --emit=plan --variant=unfused --launches levels | FileCheck %s
# RUN: %crisol opt %s --emit=plan | FileCheck %s --check-prefix=FUSED
# A chain of values, each dead when the next but one is made, takes the place of two; a state that is
# updated takes none. Fused, only what is fetched has a place.

graph "memory" {
  # CHECK: in [[#M:]] at 0: %{{[0-9]+}} exp, 4096 B, from [[#]] to [[#]]
  # CHECK: in [[#M]] at 4096: %{{[0-9]+}} neg, 4096 B, from [[#]] to [[#]]
  # CHECK: in [[#M]] at 0: %{{[0-9]+}} tanh, 4096 B, from [[#]] to [[#]]
  # CHECK: in [[#M]] at 4096: %{{[0-9]+}} log, 4096 B, from [[#]] to [[#]]
  # CHECK: in [[#M]] at 0: %{{[0-9]+}} sigmoid, 4096 B, from [[#]]{{$}}
  # CHECK: arena peak 8192 B, lower bound 8192 B
  # FUSED: store %{{[0-9]+}} sub in place of state "s"
  # FUSED: arena peak 4096 B, lower bound 4096 B
  %1 = input "x" : f32[1024]
  %2 = exp %1 : f32[1024] !1 "exp" m.c:1
  %3 = neg %2 : f32[1024] !2 "neg" m.c:2
  %4 = tanh %3 : f32[1024] !3 "tanh" m.c:3
  %5 = log %4 : f32[1024] !4 "log" m.c:4
  %6 = sigmoid %5 : f32[1024] !5 "sigmoid" m.c:5
  output "y", %6
  %7 = state "s" : f32[1024]
  %8 = sub %7, %1 : f32[1024] !6 "sub" m.c:6
  assign %7, %8
}
