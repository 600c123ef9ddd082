// negate [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.negate %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// absolute [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.abs %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// exponential [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.exponential %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// logarithm [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.log %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// squareRoot [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.sqrt %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// reciprocal [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<1.0> : tensor<3xf32>
    %1 = stablehlo.divide %0, %arg0 : tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// square [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.multiply %arg0, %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// relu [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<3xf32>
    %1 = stablehlo.maximum %arg0, %0 : tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// isPositive [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<3xf32>
    %1 = stablehlo.compare GT, %arg0, %0 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %2 = stablehlo.convert %1 : (tensor<3xi1>) -> tensor<3xf32>
    return %2 : tensor<3xf32>
  }
}

// sign [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<3xf32>
    %1 = stablehlo.compare LT, %arg0, %0 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %2 = stablehlo.constant dense<-1.0> : tensor<3xf32>
    %3 = stablehlo.select %1, %2, %0 : tensor<3xi1>, tensor<3xf32>
    %4 = stablehlo.compare GT, %arg0, %0 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %5 = stablehlo.constant dense<1.0> : tensor<3xf32>
    %6 = stablehlo.select %4, %5, %3 : tensor<3xi1>, tensor<3xf32>
    return %6 : tensor<3xf32>
  }
}

// softplus [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.abs %arg0 : tensor<3xf32>
    %1 = stablehlo.negate %0 : tensor<3xf32>
    %2 = stablehlo.exponential %1 : tensor<3xf32>
    %3 = stablehlo.constant dense<0.0> : tensor<3xf32>
    %4 = stablehlo.maximum %arg0, %3 : tensor<3xf32>
    %5 = stablehlo.log_plus_one %2 : tensor<3xf32>
    %6 = stablehlo.add %4, %5 : tensor<3xf32>
    return %6 : tensor<3xf32>
  }
}

// sigmoid [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.logistic %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// hyperbolicTangent [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.tanh %arg0 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// errorFunction [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<-4.0> : tensor<3xf32>
    %1 = stablehlo.constant dense<4.0> : tensor<3xf32>
    %2 = stablehlo.minimum %arg0, %1 : tensor<3xf32>
    %3 = stablehlo.maximum %0, %2 : tensor<3xf32>
    %4 = stablehlo.multiply %3, %3 : tensor<3xf32>
    %5 = stablehlo.constant dense<-2.7261424e-10> : tensor<3xf32>
    %6 = stablehlo.multiply %5, %4 : tensor<3xf32>
    %7 = stablehlo.constant dense<2.7706815e-08> : tensor<3xf32>
    %8 = stablehlo.add %6, %7 : tensor<3xf32>
    %9 = stablehlo.multiply %8, %4 : tensor<3xf32>
    %10 = stablehlo.constant dense<-2.101024e-06> : tensor<3xf32>
    %11 = stablehlo.add %9, %10 : tensor<3xf32>
    %12 = stablehlo.multiply %11, %4 : tensor<3xf32>
    %13 = stablehlo.constant dense<-5.6925062e-05> : tensor<3xf32>
    %14 = stablehlo.add %12, %13 : tensor<3xf32>
    %15 = stablehlo.multiply %14, %4 : tensor<3xf32>
    %16 = stablehlo.constant dense<-0.00073499064> : tensor<3xf32>
    %17 = stablehlo.add %15, %16 : tensor<3xf32>
    %18 = stablehlo.multiply %17, %4 : tensor<3xf32>
    %19 = stablehlo.constant dense<-0.0029546> : tensor<3xf32>
    %20 = stablehlo.add %18, %19 : tensor<3xf32>
    %21 = stablehlo.multiply %20, %4 : tensor<3xf32>
    %22 = stablehlo.constant dense<-0.016096033> : tensor<3xf32>
    %23 = stablehlo.add %21, %22 : tensor<3xf32>
    %24 = stablehlo.constant dense<-1.45660715e-05> : tensor<3xf32>
    %25 = stablehlo.multiply %24, %4 : tensor<3xf32>
    %26 = stablehlo.constant dense<-0.00021337405> : tensor<3xf32>
    %27 = stablehlo.add %25, %26 : tensor<3xf32>
    %28 = stablehlo.multiply %27, %4 : tensor<3xf32>
    %29 = stablehlo.constant dense<-0.001682827> : tensor<3xf32>
    %30 = stablehlo.add %28, %29 : tensor<3xf32>
    %31 = stablehlo.multiply %30, %4 : tensor<3xf32>
    %32 = stablehlo.constant dense<-0.0073733293> : tensor<3xf32>
    %33 = stablehlo.add %31, %32 : tensor<3xf32>
    %34 = stablehlo.multiply %33, %4 : tensor<3xf32>
    %35 = stablehlo.constant dense<-0.014264739> : tensor<3xf32>
    %36 = stablehlo.add %34, %35 : tensor<3xf32>
    %37 = stablehlo.divide %23, %36 : tensor<3xf32>
    %38 = stablehlo.multiply %3, %37 : tensor<3xf32>
    return %38 : tensor<3xf32>
  }
}

// add [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.add %arg0, %arg1 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// subtract [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.subtract %arg0, %arg1 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// multiply [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.multiply %arg0, %arg1 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// divide [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.divide %arg0, %arg1 : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}

// maximum [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.compare GE, %arg0, %arg1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %1 = stablehlo.select %0, %arg0, %arg1 : tensor<3xi1>, tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// minimum [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.compare LE, %arg0, %arg1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %1 = stablehlo.select %0, %arg0, %arg1 : tensor<3xi1>, tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// isGreater [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.compare GT, %arg0, %arg1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %1 = stablehlo.convert %0 : (tensor<3xi1>) -> tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// isGreaterOrEqual [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.compare GE, %arg0, %arg1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %1 = stablehlo.convert %0 : (tensor<3xi1>) -> tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// isEqual [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.compare EQ, %arg0, %arg1 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %1 = stablehlo.convert %0 : (tensor<3xi1>) -> tensor<3xf32>
    return %1 : tensor<3xf32>
  }
}

// select [3] [3] [3]
module @program {
  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<3xf32>, %arg2: tensor<3xf32>) -> (tensor<3xf32>) {
    %0 = stablehlo.constant dense<0.0> : tensor<3xf32>
    %1 = stablehlo.compare NE, %arg0, %0 : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
    %2 = stablehlo.select %1, %arg1, %arg2 : tensor<3xi1>, tensor<3xf32>
    return %2 : tensor<3xf32>
  }
}
