// placeholder images
module @program {
  func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<2x3xf32>) {
    return %arg0 : tensor<2x3xf32>
  }
}

// placeholder labels
module @program {
  func.func public @main(%arg0: tensor<2xi32>) -> (tensor<2xi32>) {
    return %arg0 : tensor<2xi32>
  }
}

// parameter weight
module @program {
  func.func public @main(%arg0: tensor<2x3xf32>) -> (tensor<2x3xf32>) {
    return %arg0 : tensor<2x3xf32>
  }
}

// scalar 0.1
module @program {
  func.func public @main() -> (tensor<f32>) {
    %0 = stablehlo.constant dense<0.1> : tensor<f32>
    return %0 : tensor<f32>
  }
}

// scalar 1e-07
module @program {
  func.func public @main() -> (tensor<f32>) {
    %0 = stablehlo.constant dense<1.0e-07> : tensor<f32>
    return %0 : tensor<f32>
  }
}

// constant
module @program {
  func.func public @main() -> (tensor<2x2xf32>) {
    %0 = stablehlo.constant dense<[[1.0, -0.5], [0x7F800000, 1.0e-30]]> : tensor<2x2xf32>
    return %0 : tensor<2x2xf32>
  }
}

// constant
module @program {
  func.func public @main(%arg0: tensor<65xf32>) -> (tensor<65xf32>) {
    return %arg0 : tensor<65xf32>
  }
}

// stop gradient [2]
module @program {
  func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xf32>) {
    return %arg0 : tensor<2xf32>
  }
}
