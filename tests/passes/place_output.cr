# RUN: %crisol opt --passes=place %s | FileCheck %s
# RUN: %crisol opt --variant=naive --emit=plan %s | FileCheck %s --check-prefix=PLAN
# A constant is part of the code in either space, but as an output it has a place in memory.

graph "constant output" {
  # CHECK: [[C:%[0-9]+]] = const 3 : i32
  # CHECK-NEXT: [[H:%[0-9]+]] = copy [[C]] to host : i32 host
  # CHECK-NEXT: output "y", [[H]]
  # PLAN: store {{.*}} const
  %1 = const 3 : i32
  output "y", %1
}
