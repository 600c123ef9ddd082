// TensorCPU
