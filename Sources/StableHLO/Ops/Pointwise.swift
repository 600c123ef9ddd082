import TensorGraph

extension Unary: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let x = operands[0]
    func number(_ number: Double) -> ModuleValue { text.constant(number, x.type) }
    switch function {
    case .negate: return text.pointwise("negate", x)
    case .absolute: return text.pointwise("abs", x)
    case .exponential: return text.pointwise("exponential", x)
    case .logarithm: return text.pointwise("log", x)
    case .squareRoot: return text.pointwise("sqrt", x)
    case .reciprocal: return text.pointwise("divide", number(1), x)
    case .square: return text.pointwise("multiply", x, x)
    // NaN stays NaN.
    case .relu: return text.pointwise("maximum", x, number(0))
    case .isPositive: return text.convert(text.compare("GT", x, number(0)), to: .f32)
    // Of NaN it is 0 here and NaN in StableHLO's own.
    case .sign:
      let negative = text.select(text.compare("LT", x, number(0)), number(-1), number(0))
      return text.select(text.compare("GT", x, number(0)), number(1), negative)
    // max(x, 0) + log(1 + e^−|x|)
    case .softplus:
      let tail = text.pointwise("exponential", text.pointwise("negate", text.pointwise("abs", x)))
      return text.pointwise(
        "add", text.pointwise("maximum", x, number(0)), text.pointwise("log_plus_one", tail))
    case .sigmoid: return text.pointwise("logistic", x)
    case .hyperbolicTangent: return text.pointwise("tanh", x)
    case .errorFunction: return text.errorFunction(x)
    }
  }
}

extension ModuleText {
  /// x·P(x²)/Q(x²) on [−4, 4], beyond which the float nearest to it is ±1; largest error 3e-7.
  /// StableHLO has no operation for it. Coefficients: Eigen, `generic_fast_erf_float`.
  fileprivate mutating func errorFunction(_ x: ModuleValue) -> ModuleValue {
    let numerator = [
      -2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
      -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02,
    ]
    let denominator = [
      -1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
      -1.42647390514189e-02,
    ]
    let (low, high) = (constant(-4, x.type), constant(4, x.type))
    let near = pointwise("maximum", low, pointwise("minimum", x, high))
    let square = pointwise("multiply", near, near)
    func polynomial(_ coefficients: [Double]) -> ModuleValue {
      var sum = constant(coefficients[0], x.type)
      for coefficient in coefficients.dropFirst() {
        sum = pointwise(
          "add", pointwise("multiply", sum, square), constant(coefficient, x.type))
      }
      return sum
    }
    let quotient = pointwise("divide", polynomial(numerator), polynomial(denominator))
    return pointwise("multiply", near, quotient)
  }
}

extension Binary: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let (x, y) = (operands[0], operands[1])
    switch function {
    case .add: return text.pointwise("add", x, y)
    case .subtract: return text.pointwise("subtract", x, y)
    case .multiply: return text.pointwise("multiply", x, y)
    case .divide: return text.pointwise("divide", x, y)
    // Where one is NaN the result is the second, as the definition has it.
    case .maximum: return text.select(text.compare("GE", x, y), x, y)
    case .minimum: return text.select(text.compare("LE", x, y), x, y)
    case .isGreater: return text.convert(text.compare("GT", x, y), to: .f32)
    case .isGreaterOrEqual: return text.convert(text.compare("GE", x, y), to: .f32)
    case .isEqual: return text.convert(text.compare("EQ", x, y), to: .f32)
    }
  }
}

extension Select: LowerableOperation {
  func lower(
    _ operands: [ModuleValue], result: Shape, in text: inout ModuleText
  ) -> ModuleValue {
    let mask = text.compare("NE", operands[0], text.constant(0, operands[0].type))
    return text.select(mask, operands[1], operands[2])
  }
}
