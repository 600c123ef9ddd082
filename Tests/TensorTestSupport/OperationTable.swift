import TensorGraph
import TensorReference

/// Where the elements of an operand are drawn from, so that finite differences stay off kinks.
public enum Domain: Sendable {
  case real(ClosedRange<Double>)
  /// ±[0.2, 1.2]
  case awayFromZero
  /// A shuffled grid of step 0.1, shifted: no two elements closer than 0.1, and arrays with
  /// offsets 0 and 0.05 share no element.
  case distinct(offset: Double)
  case integers(Range<Int>)
  /// For every window and channel one of the taps inside the image.
  case taps(Window2D, image: Shape)

  public func draw(_ shape: Shape, using generator: inout SeededGenerator) -> ReferenceArray {
    switch self {
    case .real(let range):
      return .random(shape, in: range, using: &generator)
    case .awayFromZero:
      var array = ReferenceArray.random(shape, in: 0.2...1.2, using: &generator)
      for position in array.values.indices where Bool.random(using: &generator) {
        array.values[position].negate()
      }
      return array
    case .distinct(let offset):
      let grid = (0..<shape.count).map { 0.1 * Double($0 - shape.count / 2) + offset }
      return ReferenceArray(shape: shape, values: grid.shuffled(using: &generator))
    case .integers(let range):
      let values = (0..<shape.count).map { _ in
        Double(Int.random(in: range, using: &generator))
      }
      return ReferenceArray(shape: shape, values: values)
    case .taps(let window, let image):
      var values: [Double] = []
      for _ in 0..<shape[0] {
        for p in 0..<shape[1] {
          for q in 0..<shape[2] {
            let inside = (0..<window.height * window.width).filter { tap in
              let i = p * window.strideY + tap / window.width * window.dilationY - window.top
              let j = q * window.strideX + tap % window.width * window.dilationX - window.left
              return (0..<image[1]).contains(i) && (0..<image[2]).contains(j)
            }
            for _ in 0..<shape[3] {
              values.append(Double(inside.randomElement(using: &generator)!))
            }
          }
        }
      }
      return ReferenceArray(shape: shape, values: values)
    }
  }
}

/// One operation applied to operands of given shapes.
public struct OperationCase: Sendable, CustomStringConvertible {
  public struct Operand: Sendable {
    public let shape: Shape
    public var domain = Domain.real(-1...1)
    public var type = ElementType.float32
  }
  public let operation: any Operation
  public let operands: [Operand]
  /// Operands whose cotangent is `nil` although finite differences are not zero (a mask), or that
  /// hold indices.
  public var discrete: Set<Int> = []
  public var note = ""

  public var typeName: String { String(describing: type(of: operation)) }
  public var description: String {
    "\(operation.name) of \(operands.map(\.shape)) \(note)"
  }
}

/// Every operation in Sources/TensorGraph/Ops, each with the shapes and windows that differ in kind.
public enum OperationTable {
  public static let cases: [OperationCase] =
    sources + pointwise + broadcasts + layouts + reductions + matrixProducts + convolutions
    + maxPools + averagePools

  static let sources: [OperationCase] = [
    OperationCase(operation: Placeholder("own", shape: [2, 3]), operands: []),
    OperationCase(operation: Parameter("own", shape: [2, 3]), operands: []),
    OperationCase(operation: Scalar(1.5), operands: []),
    OperationCase(
      operation: Constant(Tensor(shape: [2, 2], values: [1, -2, 3, 0.5])), operands: []),
    OperationCase(
      operation: StopGradient(), operands: [.init(shape: [2, 3])], discrete: [0],
      note: "(its gradient is zero by decree: GradientTests)"),
  ]

  static let pointwise: [OperationCase] =
    Unary.Function.allCases.map { function in
      let domain: Domain =
        switch function {
        case .logarithm, .squareRoot, .reciprocal: .real(0.5...2)
        case .absolute, .relu, .isPositive, .sign: .awayFromZero
        case .negate, .exponential, .square, .softplus, .sigmoid, .hyperbolicTangent,
          .errorFunction:
          .real(-1.5...1.5)
        }
      return OperationCase(
        operation: Unary(function), operands: [.init(shape: [2, 3, 2], domain: domain)])
    }
    + Binary.Function.allCases.map { function in
      let (x, y): (Domain, Domain) =
        switch function {
        case .add, .subtract, .multiply: (.real(-1...1), .real(-1...1))
        case .divide: (.real(-1...1), .real(0.5...2))
        case .maximum, .minimum, .isGreater, .isGreaterOrEqual, .isEqual:
          (.distinct(offset: 0), .distinct(offset: 0.05))
        }
      return OperationCase(
        operation: Binary(function),
        operands: [.init(shape: [3, 4], domain: x), .init(shape: [3, 4], domain: y)])
    } + [
      OperationCase(
        operation: Select(),
        operands: [
          .init(shape: [3, 4], domain: .integers(0..<2)), .init(shape: [3, 4]),
          .init(shape: [3, 4]),
        ], discrete: [0])
    ]

  static let broadcasts: [OperationCase] = [
    ([], [2, 3]), ([3], [2, 3]), ([1, 3], [2, 3]), ([2, 1], [2, 3]), ([2, 1, 3], [4, 2, 2, 3]),
    ([1], [1, 1, 4]), ([1, 1], [1, 2, 3]),
  ].map { (from: Shape, to: Shape) in
    OperationCase(
      operation: Broadcast(to: to), operands: [.init(shape: from)], note: "to \(to)")
  }

  static let layouts: [OperationCase] =
    [
      OperationCase(operation: Reshape(to: [3, 2, 2]), operands: [.init(shape: [2, 6])]),
      OperationCase(operation: Reshape(to: .scalar), operands: [.init(shape: [1, 1])]),
    ]
    + [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]].map { order in
      OperationCase(
        operation: Transpose(order), operands: [.init(shape: [2, 3, 4])], note: "\(order)")
    } + [
      OperationCase(
        operation: Transpose([3, 0, 2, 1]), operands: [.init(shape: [2, 3, 1, 2])]),
      OperationCase(
        operation: Slice(start: [0, 1], limit: [2, 4], step: [1, 1]),
        operands: [.init(shape: [3, 5])]),
      OperationCase(
        operation: Slice(start: [1, 0], limit: [6, 5], step: [2, 3]),
        operands: [.init(shape: [7, 5])], note: "by steps"),
      OperationCase(
        operation: Slice(start: [1, 1], limit: [5, 4], step: [2, 1]),
        operands: [.init(shape: [6, 4])], note: "with a step that stops short of the limit"),
      OperationCase(
        operation: Slice(start: [1, 2], limit: [1, 4], step: [1, 1]),
        operands: [.init(shape: [2, 4])], note: "of nothing"),
      OperationCase(
        operation: Pad(low: [1, 0], high: [0, 2], interior: [0, 0]),
        operands: [.init(shape: [2, 3])]),
      OperationCase(
        operation: Pad(low: [0, 1], high: [1, 0], interior: [2, 1]),
        operands: [.init(shape: [3, 2])], note: "with an interior"),
      OperationCase(
        operation: Concatenation(axis: 0),
        operands: [.init(shape: [1, 3]), .init(shape: [2, 3])]),
      OperationCase(
        operation: Concatenation(axis: 1),
        operands: [.init(shape: [2, 1, 2]), .init(shape: [2, 3, 2]), .init(shape: [2, 2, 2])]),
      OperationCase(
        operation: Concatenation(axis: 3),
        operands: [.init(shape: [1, 2, 2, 2]), .init(shape: [1, 2, 2, 1])]),
    ]

  static let reductions: [OperationCase] =
    Reduction.Function.allCases.flatMap { function in
      [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]].map { axes in
        OperationCase(
          operation: Reduction(function, axes: axes),
          operands: [
            .init(
              shape: [2, 3, 2], domain: function == .sum ? .real(-1...1) : .distinct(offset: 0))
          ], note: "over \(axes)")
      }
    } + [
      OperationCase(
        operation: Reduction(.sum, axes: [0, 1]), operands: [.init(shape: [1, 3])],
        note: "over an axis of extent 1"),
      OperationCase(
        operation: ArgMax(), operands: [.init(shape: [3, 4], domain: .distinct(offset: 0))]),
      OperationCase(
        operation: TopKMask(count: 2),
        operands: [.init(shape: [3, 5], domain: .distinct(offset: 0))]),
      OperationCase(
        operation: OneHot(depth: 4),
        operands: [.init(shape: [5], domain: .integers(0..<4), type: .int32)], discrete: [0]),
    ]

  static let matrixProducts: [OperationCase] = [false, true].flatMap { left in
    [false, true].map { right in
      OperationCase(
        operation: MatrixProduct(transposesLeft: left, transposesRight: right),
        operands: [
          .init(shape: left ? [3, 2] : [2, 3]), .init(shape: right ? [4, 3] : [3, 4]),
        ], note: "left \(left ? "transposed" : "as is"), right \(right ? "transposed" : "as is")")
    }
  }

  static let convolutions: [OperationCase] = [
    ("plain", Window2D(3), 1, [1, 4, 5, 2], 3),
    ("batch, padded", Window2D(3, padding: 1), 1, [2, 3, 3, 2], 2),
    ("stride 2", Window2D(3, stride: 2, padding: 1), 1, [1, 5, 5, 2], 2),
    ("stride 2, trailing row and column unread", Window2D(2, stride: 2), 1, [1, 5, 5, 1], 2),
    ("1×1 stride 2", Window2D(1, stride: 2), 1, [1, 4, 5, 2], 2),
    (
      "asymmetric padding", Window2D(height: 2, width: 3, top: 1, left: 0, bottom: 0, right: 2),
      1, [1, 3, 3, 2], 2
    ),
    (
      "strides and dilations that differ",
      Window2D(height: 2, width: 3, strideY: 1, strideX: 2, dilationY: 2, dilationX: 1, left: 1),
      1, [1, 4, 5, 1], 2
    ),
    ("dilated, padded", Window2D(3, padding: 2, dilation: 2), 1, [1, 4, 4, 1], 1),
    ("two groups", Window2D(2), 2, [1, 3, 3, 4], 6),
    ("depthwise", Window2D(3, stride: 2, padding: 1), 3, [1, 4, 4, 3], 3),
    ("depthwise with multiplier 2", Window2D(2), 2, [1, 3, 3, 2], 4),
  ].flatMap { (note: String, window: Window2D, groups: Int, x: Shape, filters: Int) in
    let w: Shape = [filters, window.height, window.width, x[3] / groups]
    let forward = Convolution(window: window, groups: groups)
    let y = try! forward.resultShape(of: [x, w])
    return [
      OperationCase(
        operation: forward, operands: [.init(shape: x), .init(shape: w)], note: note),
      OperationCase(
        operation: ConvolutionInputGradient(window: window, groups: groups, inputShape: x),
        operands: [.init(shape: y), .init(shape: w)], note: note),
      OperationCase(
        operation: ConvolutionFilterGradient(window: window, groups: groups),
        operands: [.init(shape: x), .init(shape: y)], note: note),
    ]
  }

  private static let poolings: [(String, Window2D, Shape)] = [
    ("disjoint windows", Window2D(2, stride: 2), [2, 4, 4, 2]),
    ("overlapping windows", Window2D(3, stride: 2, padding: 1), [1, 5, 5, 2]),
    ("stride 1", Window2D(2), [1, 3, 4, 2]),
    ("trailing row and column unread", Window2D(2, stride: 2), [1, 5, 5, 1]),
    ("stride beyond the window", Window2D(2, stride: 3), [1, 6, 5, 1]),
    (
      "asymmetric", Window2D(height: 3, width: 2, strideY: 2, strideX: 1, top: 1, right: 1),
      [1, 4, 3, 1]
    ),
    ("dilated", Window2D(2, dilation: 2), [1, 4, 4, 1]),
    ("whole image", Window2D(height: 2, width: 3), [2, 2, 3, 2]),
  ]

  static let maxPools: [OperationCase] = poolings.flatMap { note, window, x in
    let y = try! MaxPoolIndex(window: window).resultShape(of: [x])
    let index = OperationCase.Operand(
      shape: y, domain: .taps(window, image: x), type: .uint8)
    return [
      OperationCase(
        operation: MaxPoolIndex(window: window),
        operands: [.init(shape: x, domain: .distinct(offset: 0))], note: note),
      OperationCase(
        operation: MaxPoolSelect(window: window), operands: [.init(shape: x), index],
        discrete: [1], note: note),
      OperationCase(
        operation: MaxPoolScatter(window: window, inputShape: x),
        operands: [.init(shape: y), index], discrete: [1], note: note),
    ]
  }

  static let averagePools: [OperationCase] = poolings.flatMap { note, window, x in
    [true, false].flatMap { countsPadding in
      let forward = AveragePool(window: window, countsPadding: countsPadding)
      let y = try! forward.resultShape(of: [x])
      let note = "\(note), \(countsPadding ? "padding counts" : "padding does not count")"
      return [
        OperationCase(operation: forward, operands: [.init(shape: x)], note: note),
        OperationCase(
          operation: AveragePoolGradient(
            window: window, countsPadding: countsPadding, inputShape: x),
          operands: [.init(shape: y)], note: note),
      ]
    }
  }
}
