# RUN: %crisol opt %s --emit=reasons | FileCheck %s
# What fuses, what does not, and why: an edge a line, with what was saved: written and read again.

graph "fuse" {
  # CHECK:      %{{[0-9]+}} cast -> %[[A:[0-9]+]] matmul: fused: computed where it is loaded; saves 6144 B
  %1 = input "x" : u8[24,32]
  %2 = state "w" param : f32[32,16]
  %3 = cast %1 : f32[24,32]
  %4 = matmul %3, %2 : f32[24,16]
  # CHECK-NEXT: %[[A]] matmul -> %[[H:[0-9]+]] tanh: fused: follows its producer element by element; saves 3072 B
  %5 = tanh %4 : f32[24,16]
  # CHECK-NEXT: %[[H]] tanh -> %[[B:[0-9]+]] matmul: refused: the consumer is another contraction, which reads each element many times{{$}}
  %6 = state "v" param : f32[16,8]
  %7 = matmul %5, %6 : f32[24,8]
  # CHECK-NEXT: %[[B]] matmul -> %[[S:[0-9]+]] sum: refused: the consumer reduces over axes that are spread over work-groups{{$}}
  %8 = sum %7 axes(1) : f32[24,1]
  # CHECK-NEXT: %[[S]] sum -> %[[E:[0-9]+]] expand: fused: an index map or a constant, no work{{$}}
  %9 = expand %8 : f32[24,8]
  # CHECK-NEXT: %[[B]] matmul -> %[[D:[0-9]+]] sub: refused: another operand must wait for the producer's phase{{$}}
  # CHECK-NEXT: %[[E]] expand -> %[[D]] sub: fused: an index map or a constant, no work{{$}}
  %10 = sub %7, %9 : f32[24,8]
  # CHECK-NEXT: %[[D]] sub -> %[[Y:[0-9]+]] output "y": refused: the value is fetched or assigned{{$}}
  output "y", %10
  %11 = input "z" : f32[24,10]
  # CHECK-NEXT: %[[MAX:[0-9]+]] amax -> %[[ME:[0-9]+]] expand: fused: an index map or a constant, no work{{$}}
  %12 = amax %11 axes(1) : f32[24,1]
  %13 = expand %12 : f32[24,10]
  %14 = sub %11, %13 : f32[24,10]
  # CHECK-NEXT: %[[ME]] expand -> %[[MD:[0-9]+]] sub: fused
  # CHECK-NEXT: %[[MD]] sub -> %[[X:[0-9]+]] exp: fused: follows
  %15 = exp %14 : f32[24,10]
  # CHECK-NEXT: %[[X]] exp -> %[[XS:[0-9]+]] sum: fused: reduced where it is produced; saves 1920 B
  %16 = sum %15 axes(1) : f32[24,1]
  output "e", %16
  # CHECK: add -> %{{[0-9]+}} assign "n": fused: a state is updated in place where its next value is made; saves 8 B
  %17 = state "n" constant(0) : f32
  %18 = const 2 : f32
  %19 = add %17, %18 : f32
  assign %17, %19
  # CHECK: edges, {{.*}} fused, {{.*}} B saved
}
