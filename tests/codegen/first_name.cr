# RUN: %crisol opt %s --emit=cl --target=gpu --launches=phases > %t.cl
# RUN: FileCheck %s --input-file=%t.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
# A made-up name may be the first of its phase: no other name there is a letter and a number. An index `k0`
# was once made of the place in the depth that the block begins at, which was called k0, too.

graph "first name" {
  %1 = input "x" : f32[1,45]
  %2 = input "y" : f32[45,1]
  # CHECK: int depth = 0;
  # CHECK: const int [[K:k[0-9]+]] = min(depth + lid
  # CHECK-NEXT: = input_1{{\[}}[[K]]{{\]}};
  %3 = matmul %1, %2 : f32[1,1]
  output "z", %3
}
