# RUN: %crisol opt %s --emit=cl --target=cpu > %t.cl
# RUN: FileCheck %s --input-file=%t.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
# Of a table of one row every index takes that row, and what is padded has one element: nothing is clamped
# into a variable that nobody reads.

graph "one row" {
  # CHECK-NOT: in  %2
  # CHECK-NOT: as_uint
  # CHECK-NOT: input_2
  %1 = input "table" : f32[1,5]
  %2 = input "index" : i32[9]
  %3 = gather %1, %2 : f32[9,5]
  output "rows", %3
  %4 = input "x" : f32[1]
  %5 = pad %4 before(2) value 0 : f32[5]
  output "padded", %5
}
