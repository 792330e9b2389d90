# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=cl --target=cpu > %t.cl
# RUN: clang -x cl -cl-std=CL1.2 -Xclang -finclude-default-header -fsyntax-only -Wall -Wextra -Werror %t.cl
# Sizes that no tile divides. On a CPU the last tile has its own, smaller body of the rows and lanes that
# are left, so that nothing is asked inside; on a GPU a work-item outside of the result stores nothing.

graph "odd" {
  # CHECK-LABEL: static void p0_matmul(
  # CHECK: vstore8(s{{[0-9]+}}.s01234567, 0, matmul_3
  # CHECK: matmul_3[{{.*}} + 8] = s{{[0-9]+}}.s8;
  # CHECK-LABEL: static void p1_matmul(
  # CHECK: float16 c0_0 = (float16)(0.0f);
  # CHECK: matmul_{{.*}} = {{.*}}.s0;
  # CHECK-NOT: vstore
  # GPU-LABEL: static void p0_matmul(
  # GPU: const int [[I:i[0-9]+]] = min({{.*}}lid / 37, 16);
  # GPU: = input_1{{\[}}[[I]] * 37 + k{{[0-9]+}}];
  # GPU: const int k_from = lid < 16 ? 0 : 37;
  # GPU: for (int k = k_from; k < k_fours; k += 4) {
  # GPU: for (int k = max(k_from, k_fours); k < 37; k++) {
  # GPU: if (lid < 16 && i{{[0-9]+}} < 17 && j{{[0-9]+}} < 41) {
  # GPU-NEXT: matmul_3[
  %1 = input "x" : f32[17,37]
  %2 = state "w" param : f32[37,41]
  %3 = matmul %1, %2 : f32[17,41]
  output "y", %3
  %4 = input "p" : f32[1,1]
  %5 = state "q" param : f32[1,1]
  %6 = matmul %4, %5 : f32[1,1]
  output "r", %6
}
