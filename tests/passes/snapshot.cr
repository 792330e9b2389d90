# RUN: %crisol opt --passes=simplify,dce,snapshot %s | FileCheck %s
# RUN: %crisol opt --emit=plan --target=cpu %s | FileCheck %s --check-prefix=PLAN
# An output of a state that the step assigns has a place of its own; of one that it does not, none.

graph "before" {
  # CHECK:      %1 = state "n" {{.*}}: f32
  # CHECK:      %2 = state "kept" {{.*}}: f32
  # CHECK:      [[BEFORE:%[0-9]+]] = reshape %1
  # CHECK:      output "n was", [[BEFORE]]
  # CHECK-NEXT: output "kept", %2
  # PLAN:     store %{{[0-9]+}} reshape{{$}}
  # PLAN-NOT: store %2
  %1 = state "n" constant(0) : f32
  %2 = state "kept" constant(0) : f32
  %3 = add %1, %2 : f32
  %4 = const 1 : f32
  %5 = mul %1, %4 : f32
  assign %1, %3
  output "n was", %5
  output "kept", %2
}
