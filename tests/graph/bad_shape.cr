# RUN: not %crisol opt %s 2>&1 | FileCheck %s
# A mistake is shown where it is: file, line, column, the line, a caret.

graph "bad" {
  %1 = input "x" : f32[64,784]
  %2 = state "w" param : f32[128,10]
  %3 = matmul %1, %2 : f32[64,10]
}
# CHECK: bad_shape.cr:7:8: matmul: inner dimensions 784 and 128 differ
# CHECK-NEXT: {{^}}    %3 = matmul %1, %2 : f32[64,10]
# CHECK-NEXT: {{^}}         ^
