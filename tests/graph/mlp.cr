# RUN: %crisol opt --passes= --emit=graph %s | FileCheck %s
# RUN: %crisol opt --passes= --emit=graph %s > %t.1
# RUN: %crisol opt --passes= --emit=graph %t.1 > %t.2
# RUN: diff %t.1 %t.2
# A line is printed as it is written, but for blanks, comments and the numbers of values and origins.

# CHECK: graph "mlp" {
graph "mlp" {
  # CHECK-NEXT: symbol batch <= 64
  symbol batch <= 64
  # CHECK-NEXT: %1 = input "x" : f32[batch,784]{{$}}
  %1 = input "x": f32[batch,784]
  # CHECK-NEXT: %2 = state "w" param glorot_uniform : f32[784,10]{{$}}
  %2 = state "w" param glorot_uniform : f32[784,10]
  # CHECK-NEXT: %3 = state "b" param : f32[10]{{$}}
  %30 = state "b" param constant(0) : f32[10]
  # CHECK-NEXT: %4 = matmul %1, %2 : f32[batch,10] !1 "dense" mlp.c:12{{$}}
  %4 = matmul %1,%2 : f32[batch,10] !12 "dense" mlp.c:12
  # CHECK-NEXT: %5 = expand %3 : f32[batch,10] !1{{$}}
  %5 = expand %30 : f32[batch,10] !12
  # CHECK-NEXT: %6 = add %4, %5 : f32[batch,10] !1{{$}}
  %6 = add %4, %5 : f32[batch,10] !12
  # CHECK-NEXT: %7 = sum %6 axes(0) : f32[1,10]{{$}}
  %7 = sum %6 axes(0) : f32[1,10]
  # CHECK-NEXT: %8 = reshape %7 : f32[10]{{$}}
  %8 = reshape %7 : f32[10]
  # CHECK-NEXT: assign %3, %8{{$}}
  assign %30, %8
  # CHECK-NEXT: output "y", %6{{$}}
  output "y", %6
# CHECK-NEXT: }
}
