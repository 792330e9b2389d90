# RUN: %crisol opt %s --emit=cl --target=cpu | FileCheck %s --match-full-lines --strict-whitespace
# A phase says what it reads, computes and writes, with shapes and places, and what that costs; several values may
# come out of one sweep, and each is computed once.

graph "outputs" {
#      CHECK:/* 304 FLOP, 128 bytes read, 256 written; 1 groups of 1
# CHECK-NEXT: *   in  %1    input     f32[16]        in0+0
# CHECK-NEXT: *   in  %2    state     f32[16]        store+0
# CHECK-NEXT: *       %3    exp       %1 : f32[16]
# CHECK-NEXT: *       %4    neg       %3 : f32[16]
# CHECK-NEXT: *       %5    mul       %3, %4 : f32[16]
# CHECK-NEXT: *       %6    add       %2, %5 : f32[16]
# CHECK-NEXT: *   out %3    exp       f32[16]        arena+0
# CHECK-NEXT: *   out %4    neg       f32[16]        arena+128
# CHECK-NEXT: *   out %5    mul       f32[16]        arena+256
# CHECK-NEXT: *   out %2    state     f32[16]        store+0, its next value: %6
# CHECK-NEXT: */
# CHECK-NEXT:static void p0_exp_neg_mul_add(global uchar *in0, global uchar *store, global uchar *arena, const int g)
#      CHECK:    const float16 [[E:v[0-9]+]] = cr_exp_f16({{.*}});
#  CHECK-NOT:{{.*}}cr_exp{{.*}}
#      CHECK:    *(global float16 *)(exp_3 + 0) = [[E]];
#      CHECK:    *(global float16 *)(neg_4 + 0) = {{.*}};
#      CHECK:    *(global float16 *)(mul_5 + 0) = {{.*}};
#      CHECK:    *(global float16 *)(state_2 + 0) = {{.*}};
#  CHECK-NOT:{{.*}}float16 *){{.*}}
  %1 = input "x" : f32[16]
  %2 = state "s" : f32[16]
  %3 = exp %1 : f32[16]
  %4 = neg %3 : f32[16]
  %5 = mul %3, %4 : f32[16]
  %6 = add %2, %5 : f32[16]
  output "a", %3
  output "b", %4
  output "c", %5
  assign %2, %6
}
