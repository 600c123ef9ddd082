import TensorGraph

/// What an element is in a module.
public enum ModuleElement: String, Hashable, Sendable {
  case f32, bf16, i32, ui8, i1

  init(_ type: ElementType) {
    self =
      switch type {
      case .float32: .f32
      case .int32: .i32
      case .uint8: .ui8
      }
  }
}

/// The type of a value: `tensor<8x224x224x3xf32>`.
public struct ModuleType: Hashable, Sendable, CustomStringConvertible {
  public let shape: Shape
  public let element: ModuleElement

  public init(_ shape: Shape, _ element: ModuleElement = .f32) {
    (self.shape, self.element) = (shape, element)
  }

  public var description: String {
    "tensor<" + shape.dimensions.map { "\($0)x" }.joined() + "\(element.rawValue)>"
  }
}

/// A value of the function that is being written.
struct ModuleValue: Hashable, Sendable {
  let name: String
  let type: ModuleType
  var shape: Shape { type.shape }
}

/// The body of a function, line by line: one method for each operation of StableHLO that is used.
///
/// Only operations are used that every plugin since version 1.13 of StableHLO reads, in the form in
/// which all of them print it.
struct ModuleText {
  private(set) var lines: [String] = []
  let multiplication: Multiplication
  private var constants: [String: ModuleValue] = [:]

  init(multiplication: Multiplication) { self.multiplication = multiplication }

  private mutating func append(_ type: ModuleType, _ text: String) -> ModuleValue {
    let value = ModuleValue(name: "%\(lines.count)", type: type)
    lines.append("\(value.name) = stablehlo.\(text)")
    return value
  }

  // MARK: Constants

  /// One number, everywhere.
  mutating func constant(_ number: Double, _ type: ModuleType) -> ModuleValue {
    constant(text: Self.literal(number, type.element), type)
  }

  /// A scalar of floats.
  mutating func constant(_ number: Double) -> ModuleValue { constant(number, ModuleType(.scalar)) }

  mutating func constant(_ tensor: Tensor) -> ModuleValue {
    func nested(_ dimensions: ArraySlice<Int>, _ values: ArraySlice<Float>) -> String {
      guard let extent = dimensions.first else { return Self.literal(Double(values.first!), .f32) }
      let run = values.count / extent
      let parts = (0..<extent).map { part in
        let start = values.startIndex + part * run
        return nested(dimensions.dropFirst(), values[start..<start + run])
      }
      return "[" + parts.joined(separator: ", ") + "]"
    }
    let type = ModuleType(tensor.shape)
    guard tensor.shape.count > 0 else { return constant(text: "", type) }
    return constant(text: nested(tensor.shape.dimensions[...], tensor.values[...]), type)
  }

  private mutating func constant(text: String, _ type: ModuleType) -> ModuleValue {
    let key = "constant dense<\(text)> : \(type)"
    if let known = constants[key] { return known }
    let value = append(type, key)
    constants[key] = value
    return value
  }

  /// A number that is read back as it is: the shortest decimal, or its bits where there is none.
  static func literal(_ number: Double, _ element: ModuleElement) -> String {
    switch element {
    case .i32, .ui8: return "\(Int(number))"
    case .i1: return number != 0 ? "true" : "false"
    case .f32, .bf16:
      let value = Float(number)
      var text = "\(value)"
      if let exponent = text.firstIndex(of: "e"), !text.contains(".") {
        text.insert(contentsOf: ".0", at: exponent)
      }
      // Decimals are read as doubles first.
      if value.isFinite, let read = Double(text), Float(read) == value { return text }
      let bits = String(value.bitPattern, radix: 16, uppercase: true)
      return "0x" + String(repeating: "0", count: 8 - bits.count) + bits
    }
  }

  // MARK: Pointwise

  /// An operation whose operands and result have one type.
  mutating func pointwise(_ operation: String, _ operands: ModuleValue...) -> ModuleValue {
    append(
      operands[0].type,
      "\(operation) \(operands.map(\.name).joined(separator: ", ")) : \(operands[0].type)")
  }

  mutating func compare(_ direction: String, _ a: ModuleValue, _ b: ModuleValue) -> ModuleValue {
    let type = ModuleType(a.shape, .i1)
    let kind: String? =
      switch a.type.element {
      case .i32: "SIGNED"
      case .ui8, .i1: "UNSIGNED"
      case .f32, .bf16: nil
      }
    return append(
      type,
      "compare \(direction), \(a.name), \(b.name)\(kind.map { ", \($0)" } ?? "") : "
        + "(\(a.type), \(b.type)) -> \(type)")
  }

  /// - Parameter mask: of truth values.
  mutating func select(
    _ mask: ModuleValue, _ a: ModuleValue, _ b: ModuleValue
  ) -> ModuleValue {
    append(a.type, "select \(mask.name), \(a.name), \(b.name) : \(mask.type), \(a.type)")
  }

  mutating func convert(_ x: ModuleValue, to element: ModuleElement) -> ModuleValue {
    guard x.type.element != element else { return x }
    let type = ModuleType(x.shape, element)
    return append(type, "convert \(x.name) : (\(x.type)) -> \(type)")
  }

  mutating func isFinite(_ x: ModuleValue) -> ModuleValue {
    let type = ModuleType(x.shape, .i1)
    return append(type, "is_finite \(x.name) : (\(x.type)) -> \(type)")
  }

  /// The position along one axis.
  mutating func iota(_ type: ModuleType, axis: Int) -> ModuleValue {
    let key = "iota dim = \(axis) : \(type)"
    if let known = constants[key] { return known }
    let value = append(type, key)
    constants[key] = value
    return value
  }

  // MARK: Layout

  /// By numpy's rule, aligned at the last axis.
  mutating func broadcast(_ x: ModuleValue, to shape: Shape) -> ModuleValue {
    let lead = shape.rank - x.shape.rank
    return broadcast(x, to: shape, axes: x.shape.dimensions.indices.map { $0 + lead })
  }

  /// - Parameter axes: for each axis of the operand that of the result.
  mutating func broadcast(_ x: ModuleValue, to shape: Shape, axes: [Int]) -> ModuleValue {
    guard x.shape != shape else { return x }
    let type = ModuleType(shape, x.type.element)
    return append(
      type, "broadcast_in_dim \(x.name), dims = \(Self.list(axes)) : (\(x.type)) -> \(type)")
  }

  mutating func reshape(_ x: ModuleValue, to shape: Shape) -> ModuleValue {
    guard x.shape != shape else { return x }
    let type = ModuleType(shape, x.type.element)
    return append(type, "reshape \(x.name) : (\(x.type)) -> \(type)")
  }

  mutating func transpose(_ x: ModuleValue, _ order: [Int]) -> ModuleValue {
    let type = ModuleType(Shape(order.map { x.shape[$0] }), x.type.element)
    return append(
      type, "transpose \(x.name), dims = \(Self.list(order)) : (\(x.type)) -> \(type)")
  }

  mutating func reverse(_ x: ModuleValue, axes: [Int]) -> ModuleValue {
    append(x.type, "reverse \(x.name), dims = \(Self.list(axes)) : \(x.type)")
  }

  mutating func slice(
    _ x: ModuleValue, start: [Int], limit: [Int], step: [Int]
  ) -> ModuleValue {
    let shape = Shape(
      x.shape.dimensions.indices.map { axis in
        (limit[axis] - start[axis] + step[axis] - 1) / step[axis]
      })
    let type = ModuleType(shape, x.type.element)
    let ranges = x.shape.dimensions.indices.map { axis in
      "\(start[axis]):\(limit[axis])" + (step[axis] == 1 ? "" : ":\(step[axis])")
    }
    return append(
      type, "slice \(x.name) [\(ranges.joined(separator: ", "))] : (\(x.type)) -> \(type)")
  }

  /// - Parameters: `low` and `high` may be negative, which takes elements off.
  mutating func pad(
    _ x: ModuleValue, with number: Double = 0, low: [Int], high: [Int], interior: [Int]
  ) -> ModuleValue {
    guard !(low + high + interior).allSatisfy({ $0 == 0 }) else { return x }
    let fill = constant(number, ModuleType(.scalar, x.type.element))
    let shape = Shape(
      x.shape.dimensions.indices.map { axis in
        low[axis] + high[axis] + x.shape[axis] + max(0, x.shape[axis] - 1) * interior[axis]
      })
    let type = ModuleType(shape, x.type.element)
    return append(
      type,
      "pad \(x.name), \(fill.name), low = \(Self.list(low)), high = \(Self.list(high)), "
        + "interior = \(Self.list(interior)) : (\(x.type), \(fill.type)) -> \(type)")
  }

  mutating func concatenate(_ parts: [ModuleValue], axis: Int) -> ModuleValue {
    guard parts.count > 1 else { return parts[0] }
    let shape = parts[0].shape.replacing(
      axis: axis, with: parts.reduce(0) { $0 + $1.shape[axis] })
    let type = ModuleType(shape, parts[0].type.element)
    let types = parts.map { $0.type.description }.joined(separator: ", ")
    return append(
      type,
      "concatenate \(parts.map(\.name).joined(separator: ", ")), dim = \(axis) : "
        + "(\(types)) -> \(type)")
  }

  // MARK: Reductions

  /// The axes vanish.
  /// - Parameter start: where the reduction begins; its neutral element.
  mutating func reduce(
    _ operation: String, _ x: ModuleValue, axes: [Int], from start: Double
  ) -> ModuleValue {
    let initial = constant(start, ModuleType(.scalar, x.type.element))
    let left = x.shape.dimensions.indices.filter { !axes.contains($0) }
    let type = ModuleType(Shape(left.map { x.shape[$0] }), x.type.element)
    return append(
      type,
      "reduce(\(x.name) init: \(initial.name)) applies stablehlo.\(operation) across dimensions = "
        + "\(Self.list(axes)) : (\(x.type), \(initial.type)) -> \(type)")
  }

  /// The largest or smallest element; NaN if there is one. XLA's CPU loses NaN in reductions by
  /// `maximum` and `minimum`.
  /// - Parameter direction: how one compares with another that it replaces.
  mutating func extreme(
    _ direction: String, _ x: ModuleValue, axes: [Int], from start: Double
  ) -> ModuleValue {
    let initial = constant(start)
    let left = x.shape.dimensions.indices.filter { !axes.contains($0) }
    let type = ModuleType(Shape(left.map { x.shape[$0] }))
    let value = ModuleValue(name: "%\(lines.count)", type: type)
    lines.append(
      """
      \(value.name) = "stablehlo.reduce"(\(x.name), \(initial.name)) ({
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %wins = stablehlo.compare \(direction), %a, %b : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %nan = stablehlo.compare NE, %a, %a : (tensor<f32>, tensor<f32>) -> tensor<i1>
        %takes = stablehlo.or %wins, %nan : tensor<i1>
        %c = stablehlo.select %takes, %a, %b : tensor<i1>, tensor<f32>
        stablehlo.return %c : tensor<f32>
      }) {dimensions = array<i64: \(axes.map(String.init).joined(separator: ", "))>} : \
      (\(x.type), \(initial.type)) -> \(type)
      """)
    return value
  }

  /// Sums over the windows of a padded image [N, H, W, C], where they lie wholly inside.
  mutating func windowSums(
    _ x: ModuleValue, height: Int, width: Int, stride: (Int, Int), dilation: (Int, Int)
  ) -> ModuleValue {
    let rows = (x.shape[1] - (height - 1) * dilation.0 - 1) / stride.0 + 1
    let columns = (x.shape[2] - (width - 1) * dilation.1 - 1) / stride.1 + 1
    let type = ModuleType([x.shape[0], rows, columns, x.shape[3]])
    let zero = constant(0)
    let value = ModuleValue(name: "%\(lines.count)", type: type)
    lines.append(
      """
      \(value.name) = "stablehlo.reduce_window"(\(x.name), \(zero.name)) ({
      ^bb0(%a: tensor<f32>, %b: tensor<f32>):
        %sum = stablehlo.add %a, %b : tensor<f32>
        stablehlo.return %sum : tensor<f32>
      }) {window_dimensions = array<i64: 1, \(height), \(width), 1>, \
      window_strides = array<i64: 1, \(stride.0), \(stride.1), 1>, \
      window_dilations = array<i64: 1, \(dilation.0), \(dilation.1), 1>} : \
      (\(x.type), \(zero.type)) -> \(type)
      """)
    return value
  }

  /// Sorts `keys` along the last axis, and `carried` with them; equal keys keep their order.
  mutating func sort(
    _ keys: ModuleValue, carrying carried: ModuleValue, _ direction: String
  ) -> (keys: ModuleValue, carried: ModuleValue) {
    let name = "%\(lines.count)"
    let (key, load) = (
      ModuleType(.scalar, keys.type.element), ModuleType(.scalar, carried.type.element)
    )
    let kind = keys.type.element == .i32 ? ", SIGNED" : ""
    lines.append(
      """
      \(name):2 = "stablehlo.sort"(\(keys.name), \(carried.name)) ({
      ^bb0(%a: \(key), %b: \(key), %c: \(load), %d: \(load)):
        %before = stablehlo.compare \(direction), %a, %b\(kind) : (\(key), \(key)) -> tensor<i1>
        stablehlo.return %before : tensor<i1>
      }) {dimension = \(keys.shape.rank - 1) : i64, is_stable = true} : \
      (\(keys.type), \(carried.type)) -> (\(keys.type), \(carried.type))
      """)
    return (
      ModuleValue(name: "\(name)#0", type: keys.type),
      ModuleValue(name: "\(name)#1", type: carried.type)
    )
  }

  // MARK: Products

  mutating func dot(
    _ a: ModuleValue, _ b: ModuleValue, contracting axes: (Int, Int), result: Shape
  ) -> ModuleValue {
    let type = ModuleType(result)
    return append(
      type,
      "dot_general \(a.name), \(b.name), contracting_dims = [\(axes.0)] x [\(axes.1)], "
        + "precision = [HIGHEST, HIGHEST] : (\(a.type), \(b.type)) -> \(type)")
  }

  /// - Parameters:
  ///   - dimensions: what the axes of image, filter and result are, e.g.
  ///     `[b, 0, 1, f]x[o, 0, 1, i]->[b, 0, 1, f]`.
  ///   - pad: of rows and of columns, (low, high); may be negative.
  mutating func convolve(
    _ image: ModuleValue, _ filter: ModuleValue, _ dimensions: String,
    stride: [Int] = [1, 1], pad: [[Int]], imageDilation: [Int] = [1, 1],
    filterDilation: [Int] = [1, 1], groups: Int = 1, batchGroups: Int = 1, result: Shape
  ) -> ModuleValue {
    var (image, filter) = (image, filter)
    if multiplication == .bfloat16 {
      (image, filter) = (convert(image, to: .bf16), convert(filter, to: .bf16))
    }
    let precision = multiplication == .float32 ? "HIGHEST" : "DEFAULT"
    let type = ModuleType(result)
    return append(
      type,
      "convolution(\(image.name), \(filter.name)) dim_numbers = \(dimensions), "
        + "window = {stride = \(Self.list(stride)), pad = [\(Self.list(pad[0])), "
        + "\(Self.list(pad[1]))], lhs_dilate = \(Self.list(imageDilation)), "
        + "rhs_dilate = \(Self.list(filterDilation))} "
        + "{batch_group_count = \(batchGroups) : i64, feature_group_count = \(groups) : i64, "
        + "precision_config = [#stablehlo<precision \(precision)>, "
        + "#stablehlo<precision \(precision)>]} : (\(image.type), \(filter.type)) -> \(type)")
  }

  static func list(_ numbers: [Int]) -> String {
    "[" + numbers.map(String.init).joined(separator: ", ") + "]"
  }
}
