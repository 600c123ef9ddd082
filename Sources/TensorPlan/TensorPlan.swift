// TensorPlan
