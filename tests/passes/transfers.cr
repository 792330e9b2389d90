# RUN: %crisol opt --passes=place,transfers %s | FileCheck %s --check-prefix=RESIDENT
# RUN: %crisol opt --passes=place,transfers --max-resident-bytes 10000 %s | FileCheck %s
# RUN: not %crisol opt --passes=place,transfers --max-resident-bytes 10000 --max-transfer-bytes 700 \
# RUN:     %s 2>&1 | FileCheck %s --check-prefix=BUDGET
# A data set that does not fit stays on the host, with the gather of the batch and what computes the
# batch's index; only the batch goes up. A budget that is exceeded names the edge.

graph "batch" {
  # RESIDENT-NOT: copy
  # RESIDENT-NOT: host
  # CHECK: input "images" : u8[1000,49] host
  # CHECK: state "offset" : i32 host
  %1 = input "images" : u8[1000,49]
  %2 = state "offset" : i32
  %3 = expand %2 : i32[16]
  %4 = iota axis(0) : i32[16]
  %5 = add %3, %4 : i32[16]
  # CHECK: [[ROWS:%[0-9]+]] = gather {{.*}} : u8[16,49] host
  %6 = gather %1, %5 : u8[16,49] !1 "gather" data.c:7
  # CHECK-NEXT: [[UP:%[0-9]+]] = copy [[ROWS]] to device : u8[16,49]
  # CHECK-NEXT: cast [[UP]] : f32[16,49]
  # CHECK-NOT: copy
  # BUDGET: a step moves 784 bytes between host and device, and max_transfer_bytes is 700
  # BUDGET-NEXT: 784 bytes to the device, u8[16,49]: gather (data.c:7) -> cast (net.c:9)
  %7 = cast %6 : f32[16,49] !2 "cast" net.c:9
  output "x", %7
  %9 = const 16 : i32
  %10 = add %2, %9 : i32
  # CHECK: assign {{.*}} host
  assign %2, %10
}
