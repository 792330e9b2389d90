# RUN: %crisol opt --passes=specialize,lower,simplify,dce %s | FileCheck %s
# A convolution is a contraction over a view; 1 x 1 kernels see no window.

graph "conv" {
  %1 = input "x" : f32[2,8,9,3]
  %2 = state "w" param : f32[3,2,3,16]
  %3 = state "v" param : f32[1,1,16,4]
  # CHECK-NOT: = conv
  # CHECK: %[[A:[0-9]+]] = window %1 axis(1) size(3) stride(1) dilation(1) : f32[2,6,9,3,3]
  # CHECK: %[[B:[0-9]+]] = window %[[A]] axis(2) size(2) stride(1) dilation(1) : f32[2,6,8,3,3,2]
  # CHECK: %[[C:[0-9]+]] = permute %[[B]] (0,1,2,4,5,3) : f32[2,6,8,3,2,3]
  # CHECK: %[[D:[0-9]+]] = reshape %[[C]] : f32[96,18]
  # CHECK: %[[W:[0-9]+]] = reshape %{{[0-9]+}} : f32[18,16]
  # CHECK: %[[Y:[0-9]+]] = matmul %[[D]], %[[W]] : f32[96,16]
  %4 = conv %1, %2 stride(1,1) dilation(1,1) before(0,0) after(0,0) groups(1) : f32[2,6,8,16]
  # CHECK-NOT: = window
  # CHECK: %[[V:[0-9]+]] = reshape %{{[0-9]+}} : f32[16,4]
  # CHECK: matmul %[[Y]], %[[V]] : f32[96,4]
  %5 = conv %4, %3 stride(1,1) dilation(1,1) before(0,0) after(0,0) groups(1) : f32[2,6,8,4]
  output "y", %5
}
