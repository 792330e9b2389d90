# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s
# RUN: %crisol opt %s --emit=cl --target=gpu | FileCheck %s --check-prefix=GPU
# RUN: %crisol opt %s --emit=plan --target=cpu | FileCheck %s --check-prefix=PLAN
# A batch of bytes is gathered and converted where the product loads it, on CPUs the rows of one register
# tile at a time, and a wrong index reads a row that is there.

graph "batch" {
  # PLAN: 1 phases in 1 launches
  # PLAN: contraction over [16,32], {{.*}}, A staged
  # PLAN: store {{.*}} matmul
  # PLAN-NOT: store %
  # CHECK: for (int it = 0;
  # CHECK: for (int r = 0; r < 8; r++) {
  # CHECK-NEXT: [[I:v[0-9]+]] = input_2[{{.*}} * 8 + r];
  # CHECK: [[ROW:r[0-9]+]] = as_int(min(as_uint([[I]]), 99u));
  # CHECK: [[B:v[0-9]+]] = convert_int16(vload16(0, input_1 + {{.*}}[[ROW]] * 49));
  # CHECK: [[F:v[0-9]+]] = convert_float16([[B]]);
  # CHECK: *(local float16 *)(panel_a + r * 64{{.*}}) = [[F]];
  # CHECK: = panel_a[
  # CHECK: fma(
  # GPU: const int [[R:i[0-9]+]] = min({{.*}}lid / 49, 15);
  # GPU: [[I:v[0-9]+]] = input_2{{\[}}[[R]]];
  # GPU-NEXT: [[ROW:r[0-9]+]] = as_int(min(as_uint([[I]]), 99u));
  # GPU: [[B:v[0-9]+]] = input_1[{{.*}}[[ROW]] * 49];
  # GPU-NEXT: [[F:v[0-9]+]] = convert_float([[B]]);
  # GPU-NEXT: a_0 = [[F]];
  # GPU: barrier(
  # GPU: fma(
  %1 = input "images" : u8[100,49]
  %2 = input "order" : i32[16]
  %3 = state "w" param : f32[49,32]
  %4 = gather %1, %2 : u8[16,49]
  %5 = cast %4 : f32[16,49]
  %6 = matmul %5, %3 : f32[16,32]
  output "h", %6
}
