// step by sgd(momentum: 0.0, weightDecay: 0.0, nesterov: false)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32> {tf.aliasing_output = 4 : i32}, %arg2: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg3: tensor<3xf32> {tf.aliasing_output = 3 : i32}, %arg4: tensor<f32>) -> (tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.multiply %arg0, %arg1 : tensor<3xf32>
    %1 = stablehlo.constant dense<0.0> : tensor<f32>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
    %3 = stablehlo.reshape %2 : (tensor<f32>) -> tensor<1xf32>
    %4 = stablehlo.reshape %3 : (tensor<1xf32>) -> tensor<f32>
    %5 = stablehlo.add %arg2, %arg0 : tensor<3xf32>
    %6 = stablehlo.is_finite %4 : (tensor<f32>) -> tensor<i1>
    %7 = stablehlo.constant dense<true> : tensor<i1>
    %8 = stablehlo.reduce(%6 init: %7) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %9 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.and %7, %8 : tensor<i1>
    %12 = stablehlo.and %11, %10 : tensor<i1>
    %13 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %14 = stablehlo.select %13, %5, %arg2 : tensor<3xi1>, tensor<3xf32>
    %15 = stablehlo.is_finite %14 : (tensor<3xf32>) -> tensor<3xi1>
    %16 = stablehlo.reduce(%15 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %17 = stablehlo.broadcast_in_dim %arg4, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %18 = stablehlo.multiply %arg0, %17 : tensor<3xf32>
    %19 = stablehlo.subtract %arg1, %18 : tensor<3xf32>
    %20 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %21 = stablehlo.select %20, %arg0, %arg3 : tensor<3xi1>, tensor<3xf32>
    %22 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %23 = stablehlo.select %22, %19, %arg1 : tensor<3xi1>, tensor<3xf32>
    %24 = stablehlo.is_finite %23 : (tensor<3xf32>) -> tensor<3xi1>
    %25 = stablehlo.reduce(%24 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %26 = stablehlo.convert %8 : (tensor<i1>) -> tensor<ui8>
    %27 = stablehlo.reshape %26 : (tensor<ui8>) -> tensor<1xui8>
    %28 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %29 = stablehlo.reshape %28 : (tensor<ui8>) -> tensor<1xui8>
    %30 = stablehlo.convert %16 : (tensor<i1>) -> tensor<ui8>
    %31 = stablehlo.reshape %30 : (tensor<ui8>) -> tensor<1xui8>
    %32 = stablehlo.convert %25 : (tensor<i1>) -> tensor<ui8>
    %33 = stablehlo.reshape %32 : (tensor<ui8>) -> tensor<1xui8>
    %34 = stablehlo.concatenate %27, %29, %31, %33, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %4, %5, %14, %21, %23, %34 : tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}

// update by sgd(momentum: 0.0, weightDecay: 0.0, nesterov: false)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<f32>, %arg3: tensor<3xf32> {tf.aliasing_output = 0 : i32}, %arg4: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg5: tensor<3xf32> {tf.aliasing_output = 1 : i32}, %arg6: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.is_finite %arg2 : (tensor<f32>) -> tensor<i1>
    %1 = stablehlo.constant dense<true> : tensor<i1>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %3 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %4 = stablehlo.reduce(%3 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %5 = stablehlo.and %1, %2 : tensor<i1>
    %6 = stablehlo.and %5, %4 : tensor<i1>
    %7 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %8 = stablehlo.select %7, %arg1, %arg3 : tensor<3xi1>, tensor<3xf32>
    %9 = stablehlo.is_finite %8 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.broadcast_in_dim %arg6, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %12 = stablehlo.multiply %arg0, %11 : tensor<3xf32>
    %13 = stablehlo.subtract %arg4, %12 : tensor<3xf32>
    %14 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %15 = stablehlo.select %14, %arg0, %arg5 : tensor<3xi1>, tensor<3xf32>
    %16 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %17 = stablehlo.select %16, %13, %arg4 : tensor<3xi1>, tensor<3xf32>
    %18 = stablehlo.is_finite %17 : (tensor<3xf32>) -> tensor<3xi1>
    %19 = stablehlo.reduce(%18 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %20 = stablehlo.convert %2 : (tensor<i1>) -> tensor<ui8>
    %21 = stablehlo.reshape %20 : (tensor<ui8>) -> tensor<1xui8>
    %22 = stablehlo.convert %4 : (tensor<i1>) -> tensor<ui8>
    %23 = stablehlo.reshape %22 : (tensor<ui8>) -> tensor<1xui8>
    %24 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %25 = stablehlo.reshape %24 : (tensor<ui8>) -> tensor<1xui8>
    %26 = stablehlo.convert %19 : (tensor<i1>) -> tensor<ui8>
    %27 = stablehlo.reshape %26 : (tensor<ui8>) -> tensor<1xui8>
    %28 = stablehlo.concatenate %21, %23, %25, %27, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %8, %15, %17, %28 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}

// step by sgd(momentum: 0.9, weightDecay: 0.0005, nesterov: true)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32> {tf.aliasing_output = 4 : i32}, %arg2: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg3: tensor<3xf32> {tf.aliasing_output = 3 : i32}, %arg4: tensor<f32>) -> (tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.multiply %arg0, %arg1 : tensor<3xf32>
    %1 = stablehlo.constant dense<0.0> : tensor<f32>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
    %3 = stablehlo.reshape %2 : (tensor<f32>) -> tensor<1xf32>
    %4 = stablehlo.reshape %3 : (tensor<1xf32>) -> tensor<f32>
    %5 = stablehlo.add %arg2, %arg0 : tensor<3xf32>
    %6 = stablehlo.is_finite %4 : (tensor<f32>) -> tensor<i1>
    %7 = stablehlo.constant dense<true> : tensor<i1>
    %8 = stablehlo.reduce(%6 init: %7) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %9 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.and %7, %8 : tensor<i1>
    %12 = stablehlo.and %11, %10 : tensor<i1>
    %13 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %14 = stablehlo.select %13, %5, %arg2 : tensor<3xi1>, tensor<3xf32>
    %15 = stablehlo.is_finite %14 : (tensor<3xf32>) -> tensor<3xi1>
    %16 = stablehlo.reduce(%15 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %17 = stablehlo.constant dense<0.0005> : tensor<3xf32>
    %18 = stablehlo.multiply %arg1, %17 : tensor<3xf32>
    %19 = stablehlo.add %arg0, %18 : tensor<3xf32>
    %20 = stablehlo.constant dense<0.9> : tensor<3xf32>
    %21 = stablehlo.multiply %arg3, %20 : tensor<3xf32>
    %22 = stablehlo.add %21, %19 : tensor<3xf32>
    %23 = stablehlo.multiply %22, %20 : tensor<3xf32>
    %24 = stablehlo.add %19, %23 : tensor<3xf32>
    %25 = stablehlo.broadcast_in_dim %arg4, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %26 = stablehlo.multiply %24, %25 : tensor<3xf32>
    %27 = stablehlo.subtract %arg1, %26 : tensor<3xf32>
    %28 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %29 = stablehlo.select %28, %22, %arg3 : tensor<3xi1>, tensor<3xf32>
    %30 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %31 = stablehlo.select %30, %27, %arg1 : tensor<3xi1>, tensor<3xf32>
    %32 = stablehlo.is_finite %31 : (tensor<3xf32>) -> tensor<3xi1>
    %33 = stablehlo.reduce(%32 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %34 = stablehlo.convert %8 : (tensor<i1>) -> tensor<ui8>
    %35 = stablehlo.reshape %34 : (tensor<ui8>) -> tensor<1xui8>
    %36 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %37 = stablehlo.reshape %36 : (tensor<ui8>) -> tensor<1xui8>
    %38 = stablehlo.convert %16 : (tensor<i1>) -> tensor<ui8>
    %39 = stablehlo.reshape %38 : (tensor<ui8>) -> tensor<1xui8>
    %40 = stablehlo.convert %33 : (tensor<i1>) -> tensor<ui8>
    %41 = stablehlo.reshape %40 : (tensor<ui8>) -> tensor<1xui8>
    %42 = stablehlo.concatenate %35, %37, %39, %41, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %4, %5, %14, %29, %31, %42 : tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}

// update by sgd(momentum: 0.9, weightDecay: 0.0005, nesterov: true)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<f32>, %arg3: tensor<3xf32> {tf.aliasing_output = 0 : i32}, %arg4: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg5: tensor<3xf32> {tf.aliasing_output = 1 : i32}, %arg6: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.is_finite %arg2 : (tensor<f32>) -> tensor<i1>
    %1 = stablehlo.constant dense<true> : tensor<i1>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %3 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %4 = stablehlo.reduce(%3 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %5 = stablehlo.and %1, %2 : tensor<i1>
    %6 = stablehlo.and %5, %4 : tensor<i1>
    %7 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %8 = stablehlo.select %7, %arg1, %arg3 : tensor<3xi1>, tensor<3xf32>
    %9 = stablehlo.is_finite %8 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.constant dense<0.0005> : tensor<3xf32>
    %12 = stablehlo.multiply %arg4, %11 : tensor<3xf32>
    %13 = stablehlo.add %arg0, %12 : tensor<3xf32>
    %14 = stablehlo.constant dense<0.9> : tensor<3xf32>
    %15 = stablehlo.multiply %arg5, %14 : tensor<3xf32>
    %16 = stablehlo.add %15, %13 : tensor<3xf32>
    %17 = stablehlo.multiply %16, %14 : tensor<3xf32>
    %18 = stablehlo.add %13, %17 : tensor<3xf32>
    %19 = stablehlo.broadcast_in_dim %arg6, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %20 = stablehlo.multiply %18, %19 : tensor<3xf32>
    %21 = stablehlo.subtract %arg4, %20 : tensor<3xf32>
    %22 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %23 = stablehlo.select %22, %16, %arg5 : tensor<3xi1>, tensor<3xf32>
    %24 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %25 = stablehlo.select %24, %21, %arg4 : tensor<3xi1>, tensor<3xf32>
    %26 = stablehlo.is_finite %25 : (tensor<3xf32>) -> tensor<3xi1>
    %27 = stablehlo.reduce(%26 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %28 = stablehlo.convert %2 : (tensor<i1>) -> tensor<ui8>
    %29 = stablehlo.reshape %28 : (tensor<ui8>) -> tensor<1xui8>
    %30 = stablehlo.convert %4 : (tensor<i1>) -> tensor<ui8>
    %31 = stablehlo.reshape %30 : (tensor<ui8>) -> tensor<1xui8>
    %32 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %33 = stablehlo.reshape %32 : (tensor<ui8>) -> tensor<1xui8>
    %34 = stablehlo.convert %27 : (tensor<i1>) -> tensor<ui8>
    %35 = stablehlo.reshape %34 : (tensor<ui8>) -> tensor<1xui8>
    %36 = stablehlo.concatenate %29, %31, %33, %35, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %8, %23, %25, %36 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}

// step by adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-08, weightDecay: 0.0)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32> {tf.aliasing_output = 5 : i32}, %arg2: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg3: tensor<3xf32> {tf.aliasing_output = 3 : i32}, %arg4: tensor<3xf32> {tf.aliasing_output = 4 : i32}, %arg5: tensor<f32>, %arg6: tensor<f32>) -> (tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.multiply %arg0, %arg1 : tensor<3xf32>
    %1 = stablehlo.constant dense<0.0> : tensor<f32>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [0] : (tensor<3xf32>, tensor<f32>) -> tensor<f32>
    %3 = stablehlo.reshape %2 : (tensor<f32>) -> tensor<1xf32>
    %4 = stablehlo.reshape %3 : (tensor<1xf32>) -> tensor<f32>
    %5 = stablehlo.add %arg2, %arg0 : tensor<3xf32>
    %6 = stablehlo.is_finite %4 : (tensor<f32>) -> tensor<i1>
    %7 = stablehlo.constant dense<true> : tensor<i1>
    %8 = stablehlo.reduce(%6 init: %7) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %9 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.and %7, %8 : tensor<i1>
    %12 = stablehlo.and %11, %10 : tensor<i1>
    %13 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %14 = stablehlo.select %13, %5, %arg2 : tensor<3xi1>, tensor<3xf32>
    %15 = stablehlo.is_finite %14 : (tensor<3xf32>) -> tensor<3xi1>
    %16 = stablehlo.reduce(%15 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %17 = stablehlo.subtract %arg0, %arg3 : tensor<3xf32>
    %18 = stablehlo.constant dense<0.100000024> : tensor<3xf32>
    %19 = stablehlo.multiply %17, %18 : tensor<3xf32>
    %20 = stablehlo.add %arg3, %19 : tensor<3xf32>
    %21 = stablehlo.constant dense<0.999> : tensor<3xf32>
    %22 = stablehlo.multiply %arg4, %21 : tensor<3xf32>
    %23 = stablehlo.constant dense<0.0009999871> : tensor<3xf32>
    %24 = stablehlo.multiply %arg0, %23 : tensor<3xf32>
    %25 = stablehlo.multiply %24, %arg0 : tensor<3xf32>
    %26 = stablehlo.add %22, %25 : tensor<3xf32>
    %27 = stablehlo.sqrt %26 : tensor<3xf32>
    %28 = stablehlo.broadcast_in_dim %arg5, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %29 = stablehlo.multiply %27, %28 : tensor<3xf32>
    %30 = stablehlo.constant dense<1.0e-08> : tensor<3xf32>
    %31 = stablehlo.add %29, %30 : tensor<3xf32>
    %32 = stablehlo.broadcast_in_dim %arg6, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %33 = stablehlo.multiply %20, %32 : tensor<3xf32>
    %34 = stablehlo.divide %33, %31 : tensor<3xf32>
    %35 = stablehlo.subtract %arg1, %34 : tensor<3xf32>
    %36 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %37 = stablehlo.select %36, %20, %arg3 : tensor<3xi1>, tensor<3xf32>
    %38 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %39 = stablehlo.select %38, %26, %arg4 : tensor<3xi1>, tensor<3xf32>
    %40 = stablehlo.broadcast_in_dim %12, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %41 = stablehlo.select %40, %35, %arg1 : tensor<3xi1>, tensor<3xf32>
    %42 = stablehlo.is_finite %41 : (tensor<3xf32>) -> tensor<3xi1>
    %43 = stablehlo.reduce(%42 init: %7) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %44 = stablehlo.convert %8 : (tensor<i1>) -> tensor<ui8>
    %45 = stablehlo.reshape %44 : (tensor<ui8>) -> tensor<1xui8>
    %46 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %47 = stablehlo.reshape %46 : (tensor<ui8>) -> tensor<1xui8>
    %48 = stablehlo.convert %16 : (tensor<i1>) -> tensor<ui8>
    %49 = stablehlo.reshape %48 : (tensor<ui8>) -> tensor<1xui8>
    %50 = stablehlo.convert %43 : (tensor<i1>) -> tensor<ui8>
    %51 = stablehlo.reshape %50 : (tensor<ui8>) -> tensor<1xui8>
    %52 = stablehlo.concatenate %45, %47, %49, %51, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %4, %5, %14, %37, %39, %41, %52 : tensor<f32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}

// update by adam(beta1: 0.9, beta2: 0.999, epsilon: 1e-08, weightDecay: 0.0)
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<f32>, %arg3: tensor<3xf32> {tf.aliasing_output = 0 : i32}, %arg4: tensor<3xf32> {tf.aliasing_output = 3 : i32}, %arg5: tensor<3xf32> {tf.aliasing_output = 1 : i32}, %arg6: tensor<3xf32> {tf.aliasing_output = 2 : i32}, %arg7: tensor<f32>, %arg8: tensor<f32>) -> (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>) {
    %0 = stablehlo.is_finite %arg2 : (tensor<f32>) -> tensor<i1>
    %1 = stablehlo.constant dense<true> : tensor<i1>
    %2 = stablehlo.reduce(%0 init: %1) applies stablehlo.and across dimensions = [] : (tensor<i1>, tensor<i1>) -> tensor<i1>
    %3 = stablehlo.is_finite %arg0 : (tensor<3xf32>) -> tensor<3xi1>
    %4 = stablehlo.reduce(%3 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %5 = stablehlo.and %1, %2 : tensor<i1>
    %6 = stablehlo.and %5, %4 : tensor<i1>
    %7 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %8 = stablehlo.select %7, %arg1, %arg3 : tensor<3xi1>, tensor<3xf32>
    %9 = stablehlo.is_finite %8 : (tensor<3xf32>) -> tensor<3xi1>
    %10 = stablehlo.reduce(%9 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %11 = stablehlo.subtract %arg0, %arg5 : tensor<3xf32>
    %12 = stablehlo.constant dense<0.100000024> : tensor<3xf32>
    %13 = stablehlo.multiply %11, %12 : tensor<3xf32>
    %14 = stablehlo.add %arg5, %13 : tensor<3xf32>
    %15 = stablehlo.constant dense<0.999> : tensor<3xf32>
    %16 = stablehlo.multiply %arg6, %15 : tensor<3xf32>
    %17 = stablehlo.constant dense<0.0009999871> : tensor<3xf32>
    %18 = stablehlo.multiply %arg0, %17 : tensor<3xf32>
    %19 = stablehlo.multiply %18, %arg0 : tensor<3xf32>
    %20 = stablehlo.add %16, %19 : tensor<3xf32>
    %21 = stablehlo.sqrt %20 : tensor<3xf32>
    %22 = stablehlo.broadcast_in_dim %arg7, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %23 = stablehlo.multiply %21, %22 : tensor<3xf32>
    %24 = stablehlo.constant dense<1.0e-08> : tensor<3xf32>
    %25 = stablehlo.add %23, %24 : tensor<3xf32>
    %26 = stablehlo.broadcast_in_dim %arg8, dims = [] : (tensor<f32>) -> tensor<3xf32>
    %27 = stablehlo.multiply %14, %26 : tensor<3xf32>
    %28 = stablehlo.divide %27, %25 : tensor<3xf32>
    %29 = stablehlo.subtract %arg4, %28 : tensor<3xf32>
    %30 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %31 = stablehlo.select %30, %14, %arg5 : tensor<3xi1>, tensor<3xf32>
    %32 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %33 = stablehlo.select %32, %20, %arg6 : tensor<3xi1>, tensor<3xf32>
    %34 = stablehlo.broadcast_in_dim %6, dims = [] : (tensor<i1>) -> tensor<3xi1>
    %35 = stablehlo.select %34, %29, %arg4 : tensor<3xi1>, tensor<3xf32>
    %36 = stablehlo.is_finite %35 : (tensor<3xf32>) -> tensor<3xi1>
    %37 = stablehlo.reduce(%36 init: %1) applies stablehlo.and across dimensions = [0] : (tensor<3xi1>, tensor<i1>) -> tensor<i1>
    %38 = stablehlo.convert %2 : (tensor<i1>) -> tensor<ui8>
    %39 = stablehlo.reshape %38 : (tensor<ui8>) -> tensor<1xui8>
    %40 = stablehlo.convert %4 : (tensor<i1>) -> tensor<ui8>
    %41 = stablehlo.reshape %40 : (tensor<ui8>) -> tensor<1xui8>
    %42 = stablehlo.convert %10 : (tensor<i1>) -> tensor<ui8>
    %43 = stablehlo.reshape %42 : (tensor<ui8>) -> tensor<1xui8>
    %44 = stablehlo.convert %37 : (tensor<i1>) -> tensor<ui8>
    %45 = stablehlo.reshape %44 : (tensor<ui8>) -> tensor<1xui8>
    %46 = stablehlo.concatenate %39, %41, %43, %45, dim = 0 : (tensor<1xui8>, tensor<1xui8>, tensor<1xui8>, tensor<1xui8>) -> tensor<4xui8>
    return %8, %31, %33, %35, %46 : tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<4xui8>
  }
}
