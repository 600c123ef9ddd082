import Foundation

extension Unary.Function {
  /// The function itself, in double precision: constant folding and the reference evaluator.
  public func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .negate: -x
    case .absolute: abs(x)
    case .exponential: exp(x)
    case .logarithm: log(x)
    case .squareRoot: x.squareRoot()
    case .reciprocal: 1 / x
    case .square: x * x
    case .relu: x > 0 ? x : (x.isNaN ? x : 0)
    case .isPositive: x > 0 ? 1 : 0
    case .sign: x > 0 ? 1 : (x < 0 ? -1 : 0)
    case .softplus: max(x, 0) + log1p(exp(-abs(x)))
    case .sigmoid: 1 / (1 + exp(-x))
    case .hyperbolicTangent: tanh(x)
    case .errorFunction: erf(x)
    }
  }
}

extension Binary.Function {
  /// The function itself, in double precision: constant folding and the reference evaluator.
  public func callAsFunction(_ x: Double, _ y: Double) -> Double {
    switch self {
    case .add: x + y
    case .subtract: x - y
    case .multiply: x * y
    case .divide: x / y
    case .maximum: x >= y ? x : y
    case .minimum: x <= y ? x : y
    case .isGreater: x > y ? 1 : 0
    case .isGreaterOrEqual: x >= y ? 1 : 0
    case .isEqual: x == y ? 1 : 0
    }
  }
}
