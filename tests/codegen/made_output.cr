# RUN: %crisol opt %s --emit=plan --target=cpu --variant=unfused | FileCheck %s
# An output lives to the end of the step, also one that is made of nothing: its place is not given to
# another value.

graph "made" {
  # CHECK: in [[#M:]] at 0: %2 iota, 8 B, from 1{{$}}
  # CHECK-NOT: in [[#M]] at 0:
  %1 = state "s" constant(1) : i32
  %2 = iota axis(0) : i32[2]
  output "y", %2
  %3 = input "x" : i32
  %4 = mul %1, %3 : i32
  %5 = sub %4, %1 : i32
  assign %1, %5
}
