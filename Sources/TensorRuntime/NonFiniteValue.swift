import TensorGraph

/// A value of a program that is infinite or NaN, of which all before it are finite.
public struct NonFiniteValue: Hashable, Sendable, CustomStringConvertible {
  /// What computes it, e.g. `divide`; `nil` if it was given.
  public let operation: String?
  public let shape: Shape
  /// The parameter that it is, or else one of the nearest on the way to it, e.g.
  /// `layer4.1.conv2.weight`.
  public let parameter: String?
  /// The name of a placeholder that was given such values.
  public let placeholder: String?

  public init(operation: String?, shape: Shape, parameter: String?, placeholder: String?) {
    (self.operation, self.shape) = (operation, shape)
    (self.parameter, self.placeholder) = (parameter, placeholder)
  }

  /// `the result of divide, [8, 14, 14], at layer layer4.1.conv2`
  public var description: String {
    if let placeholder { return "in the input \(placeholder)" }
    let layer = parameter.map { name in
      name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }
    guard let operation else { return "in the parameter \(parameter ?? "")" }
    return "the result of \(operation), \(shape)" + (layer.map { ", at layer \($0)" } ?? "")
  }
}

extension Graph {
  /// By breadth: its operands' parameters before those of their operands.
  func nearestParameter(to id: Int) -> String? {
    var (front, seen) = ([id], Set([id]))
    while !front.isEmpty {
      var next: [Int] = []
      for id in front {
        if let parameter = nodes[id].operation as? Parameter { return parameter.label }
        for operand in nodes[id].operands where seen.insert(operand).inserted {
          next.append(operand)
        }
      }
      front = next
    }
    return nil
  }
}
