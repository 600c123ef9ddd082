// reduce sum [2, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> (tensor<1x3x1xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<f32>
    %1 = stablehlo.reduce(%arg0 init: %0) applies stablehlo.add across dimensions = [0, 2] : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<3xf32>
    %2 = stablehlo.reshape %1 : (tensor<3xf32>) -> tensor<1x3x1xf32>
    return %2 : tensor<1x3x1xf32>
  }
}

// reduce maximum [2, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> (tensor<1x3x1xf32>) {
    %0 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %1 = "stablehlo.reduce"(%arg0, %0) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %wins = stablehlo.compare GT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %nan = stablehlo.compare NE, %a, %a : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %takes = stablehlo.or %wins, %nan : tensor<i1>
      %c = stablehlo.select %takes, %a, %b : tensor<i1>, tensor<f32>
      stablehlo.return %c : tensor<f32>
    }) {dimensions = array<i64: 0, 2>} : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<3xf32>
    %2 = stablehlo.reshape %1 : (tensor<3xf32>) -> tensor<1x3x1xf32>
    return %2 : tensor<1x3x1xf32>
  }
}

// reduce minimum [2, 3, 4]
module @program {
  func.func public @main(%arg0: tensor<2x3x4xf32>) -> (tensor<1x3x1xf32>) {
    %0 = stablehlo.constant dense<0x7F800000> : tensor<f32>
    %1 = "stablehlo.reduce"(%arg0, %0) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>):
      %wins = stablehlo.compare LT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %nan = stablehlo.compare NE, %a, %a : (tensor<f32>, tensor<f32>) -> tensor<i1>
      %takes = stablehlo.or %wins, %nan : tensor<i1>
      %c = stablehlo.select %takes, %a, %b : tensor<i1>, tensor<f32>
      stablehlo.return %c : tensor<f32>
    }) {dimensions = array<i64: 0, 2>} : (tensor<2x3x4xf32>, tensor<f32>) -> tensor<3xf32>
    %2 = stablehlo.reshape %1 : (tensor<3xf32>) -> tensor<1x3x1xf32>
    return %2 : tensor<1x3x1xf32>
  }
}

// argmax [3, 4]
module @program {
  func.func public @main(%arg0: tensor<3x4xf32>) -> (tensor<3xi32>) {
    %0 = stablehlo.compare NE, %arg0, %arg0 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
    %1 = stablehlo.constant dense<0xFF800000> : tensor<3x4xf32>
    %2 = stablehlo.select %0, %1, %arg0 : tensor<3x4xi1>, tensor<3x4xf32>
    %3 = stablehlo.iota dim = 1 : tensor<3x4xi32>
    %4 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %5 = stablehlo.reduce(%2 init: %4) applies stablehlo.maximum across dimensions = [1] : (tensor<3x4xf32>, tensor<f32>) -> tensor<3xf32>
    %6 = stablehlo.broadcast_in_dim %5, dims = [0] : (tensor<3xf32>) -> tensor<3x4xf32>
    %7 = stablehlo.constant dense<0> : tensor<3x4xi32>
    %8 = stablehlo.compare EQ, %3, %7, SIGNED : (tensor<3x4xi32>, tensor<3x4xi32>) -> tensor<3x4xi1>
    %9 = stablehlo.compare NE, %arg0, %arg0 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
    %10 = stablehlo.compare EQ, %2, %6 : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xi1>
    %11 = stablehlo.and %8, %9 : tensor<3x4xi1>
    %12 = stablehlo.or %10, %11 : tensor<3x4xi1>
    %13 = stablehlo.constant dense<4> : tensor<3x4xi32>
    %14 = stablehlo.select %12, %3, %13 : tensor<3x4xi1>, tensor<3x4xi32>
    %15 = stablehlo.constant dense<2147483647> : tensor<i32>
    %16 = stablehlo.reduce(%14 init: %15) applies stablehlo.minimum across dimensions = [1] : (tensor<3x4xi32>, tensor<i32>) -> tensor<3xi32>
    return %16 : tensor<3xi32>
  }
}

// top-k mask [3, 5]
module @program {
  func.func public @main(%arg0: tensor<3x5xf32>) -> (tensor<3x5xf32>) {
    %0 = stablehlo.iota dim = 1 : tensor<3x5xi32>
    %1 = stablehlo.compare NE, %arg0, %arg0 : (tensor<3x5xf32>, tensor<3x5xf32>) -> tensor<3x5xi1>
    %2 = stablehlo.constant dense<0xFF800000> : tensor<3x5xf32>
    %3 = stablehlo.select %1, %2, %arg0 : tensor<3x5xi1>, tensor<3x5xf32>
    %4:2 = "stablehlo.sort"(%3, %0) ({
    ^bb0(%a: tensor<f32>, %b: tensor<f32>, %c: tensor<i32>, %d: tensor<i32>):
      %before = stablehlo.compare GT, %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
      stablehlo.return %before : tensor<i1>
    }) {dimension = 1 : i64, is_stable = true} : (tensor<3x5xf32>, tensor<3x5xi32>) -> (tensor<3x5xf32>, tensor<3x5xi32>)
    %5 = stablehlo.constant dense<2> : tensor<3x5xi32>
    %6 = stablehlo.compare LT, %0, %5, SIGNED : (tensor<3x5xi32>, tensor<3x5xi32>) -> tensor<3x5xi1>
    %7 = stablehlo.convert %6 : (tensor<3x5xi1>) -> tensor<3x5xf32>
    %8:2 = "stablehlo.sort"(%4#1, %7) ({
    ^bb0(%a: tensor<i32>, %b: tensor<i32>, %c: tensor<f32>, %d: tensor<f32>):
      %before = stablehlo.compare LT, %a, %b, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %before : tensor<i1>
    }) {dimension = 1 : i64, is_stable = true} : (tensor<3x5xi32>, tensor<3x5xf32>) -> (tensor<3x5xi32>, tensor<3x5xf32>)
    return %8#1 : tensor<3x5xf32>
  }
}

// one-hot [5]
module @program {
  func.func public @main(%arg0: tensor<5xi32>) -> (tensor<5x4xf32>) {
    %0 = stablehlo.iota dim = 1 : tensor<5x4xi32>
    %1 = stablehlo.broadcast_in_dim %arg0, dims = [0] : (tensor<5xi32>) -> tensor<5x4xi32>
    %2 = stablehlo.compare EQ, %1, %0, SIGNED : (tensor<5x4xi32>, tensor<5x4xi32>) -> tensor<5x4xi1>
    %3 = stablehlo.convert %2 : (tensor<5x4xi1>) -> tensor<5x4xf32>
    return %3 : tensor<5x4xf32>
  }
}
