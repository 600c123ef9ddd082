// TensorReference
