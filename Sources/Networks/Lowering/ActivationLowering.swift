import TensorGraph

extension GraphBuilder {
  /// The function of an `activation` or `prelu` step, applied to another value.
  public mutating func applied(
    _ step: NetworkGraph.Step, to x: Value, rectifier: Rectifier
  ) throws(ShapeError) -> Value {
    switch step.layer {
    case .activation(let function): return try activated(x, function, rectifier)
    case .prelu: return try parametricRectifier(x, slope: step.weight!, rectifier)
    default: preconditionFailure("\(step.name) is no function of single elements")
    }
  }

  /// f(x), element by element. What is not a number stays so.
  ///
  /// Where `rectifier` is a softplus, it stands for every kink: a ReLU is one, ReLU6 the difference of
  /// two.
  mutating func activated(
    _ x: Value, _ function: ActivationFunction, _ rectifier: Rectifier = .relu
  ) throws(ShapeError) -> Value {
    switch function {
    case .rectifier(let slope, let maximum):
      return try leaky(x, slope, maximum, rectifier)
    case .elu(let alpha): return try elu(x, alpha)
    case .selu:
      return try multiply(elu(x, ActivationFunction.seluAlpha), ActivationFunction.seluScale)
    case .silu: return try multiply(x, sigmoid(x))
    case .gelu:
      let distribution = try add(errorFunction(multiply(x, 0.5.squareRoot())), 1)
      return try multiply(multiply(x, 0.5), distribution)
    case .geluTanh:
      // x + 0.044715·x³ as Hendrycks and Gimpel have it.
      let inner = try multiply(x, add(multiply(square(x), 0.044715), 1))
      let bounded = try hyperbolicTangent(multiply(inner, (2 / Double.pi).squareRoot()))
      return try multiply(multiply(x, 0.5), add(bounded, 1))
    case .hardSigmoid(let slope): return try hardSigmoid(x, slope, rectifier)
    case .hardSwish:
      return try multiply(x, hardSigmoid(x, ActivationFunction.hardSlope, rectifier))
    case .sigmoid: return try sigmoid(x)
    case .tanh: return try hyperbolicTangent(x)
    case .softplus: return try softplus(x)
    case .softsign: return try divide(x, add(absolute(x), 1))
    case .exponential: return try exponential(x)
    case .mish: return try multiply(x, hyperbolicTangent(softplus(x)))
    }
  }

  /// x where x > 0, else slope·x, the slope a value that is broadcast to x.
  mutating func parametricRectifier(
    _ x: Value, slope: Value, _ rectifier: Rectifier
  ) throws(ShapeError) -> Value {
    if case .softplus = rectifier {
      // slope·x + (1 − slope)·softplus
      let straight = try multiply(x, slope)
      return try add(straight, multiply(rectified(x, rectifier), subtract(1, slope)))
    }
    return try select(isPositive(x), x, multiply(x, slope))
  }

  private mutating func leaky(
    _ x: Value, _ slope: Double, _ maximum: Double?, _ rectifier: Rectifier
  ) throws(ShapeError) -> Value {
    let y: Value
    if slope == 0 {
      y = try rectified(x, rectifier)
    } else {
      y = try parametricRectifier(x, slope: scalar(slope), rectifier)
    }
    guard let maximum else { return y }
    if case .softplus = rectifier {
      return try subtract(y, rectified(add(x, -maximum), rectifier))
    }
    // In this order: what is no number is not less than the maximum.
    return try self.maximumOrLess(y, maximum)
  }

  /// The smaller of a number and x; x where it is not a number.
  private mutating func maximumOrLess(_ x: Value, _ number: Double) throws(ShapeError) -> Value {
    try minimum(constant(number, shape: x.shape), x)
  }

  private mutating func elu(_ x: Value, _ alpha: Double) throws(ShapeError) -> Value {
    let mask = try isPositive(x)
    let zero = try constant(0, shape: x.shape)
    // 0 in place of what is positive: what is not chosen must be finite for its derivatives.
    let negative = try select(mask, zero, x)
    return try select(mask, x, multiply(add(exponential(negative), -1), alpha))
  }

  private mutating func hardSigmoid(
    _ x: Value, _ slope: Double, _ rectifier: Rectifier
  ) throws(ShapeError) -> Value {
    if case .softplus = rectifier {
      let half = 1 / (2 * slope)
      let ends = try subtract(
        rectified(add(x, half), rectifier), rectified(add(x, -half), rectifier))
      return try multiply(ends, slope)
    }
    return try maximumOrLess(relu(add(multiply(x, slope), 0.5)), 1)
  }
}
