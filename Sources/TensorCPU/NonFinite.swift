import CTensorKernels
import TensorGraph

/// A value of a program that is infinite or not a number, of which all before it are finite.
public struct NonFiniteValue: Hashable, Sendable, CustomStringConvertible {
  /// What computes it, e.g. `divide`; `nil` if it was given.
  public let operation: String?
  public let shape: Shape
  /// The parameter that it is, or else one of the nearest on the way to it, e.g.
  /// `layer4.1.conv2.weight`.
  public let parameter: String?
  /// The name of a placeholder that was given such values.
  public let placeholder: String?

  /// `the divide of [8, 14, 14] behind layer4.1.conv2`
  public var description: String {
    if let placeholder { return "in the input \(placeholder)" }
    let layer = parameter.map { name in
      name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
    }
    guard let operation else { return "in the parameter \(parameter ?? "")" }
    return "the result of \(operation), \(shape)" + (layer.map { ", at layer \($0)" } ?? "")
  }
}

extension Executable {
  /// Whether the `index`-th output is finite everywhere.
  public func isFinite(output index: Int) -> Bool {
    withOutput(index) {
      trompe_all_finite(Int64($0.count), $0.baseAddress, Int32(options.threads)) != 0
    }
  }

  /// Runs the program once more, on these inputs, with every value that it computes kept and nothing
  /// fused: oneDNN's ReLU at the end of a convolution would make 0 of what is not a number.
  ///
  /// Takes as much memory as all values together.
  /// - Returns: the first value that is not finite, if any.
  public func firstNonFinite(_ inputs: [String: Input]) throws(ExecutionError) -> NonFiniteValue? {
    if let name = plan.graph.parameters.keys.sorted().first(where: {
      !parameters.isFinite($0, threads: options.threads)
    }) {
      return NonFiniteValue(
        operation: nil, shape: parameters.shape(of: name)!, parameter: name, placeholder: nil)
    }
    for (name, id) in plan.graph.placeholders.sorted(by: { $0.key < $1.key }) {
      if case .floats(let values)? = inputs[name], !values.allSatisfy(\.isFinite) {
        return NonFiniteValue(
          operation: nil, shape: plan.graph.nodes[id].shape, parameter: nil, placeholder: name)
      }
    }
    let graph = plan.graph.withAllValues
    let all = try Executable(graph, parameters: parameters, options: options)
    try all.run(inputs)
    guard let index = graph.outputs.indices.first(where: { !all.isFinite(output: $0) }) else {
      return nil
    }
    let node = graph.nodes[graph.outputs[index]]
    return NonFiniteValue(
      operation: node.operation.name, shape: node.shape,
      parameter: graph.nearestParameter(to: graph.outputs[index]), placeholder: nil)
  }
}

extension ParameterStore {
  /// Whether all values of one parameter are finite.
  public func isFinite(_ name: String, threads: Int) -> Bool {
    guard let shape = shape(of: name), let values = pointer(to: name) else {
      preconditionFailure("no parameter \(name)")
    }
    return trompe_all_finite(Int64(shape.count), values, Int32(threads)) != 0
  }

  /// The first parameter with a value that is not finite.
  public func firstNonFinite(threads: Int) -> String? {
    names.first { !isFinite($0, threads: threads) }
  }
}

extension Graph {
  /// By breadth: its operands' parameters before those of their operands.
  fileprivate func nearestParameter(to id: Int) -> String? {
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
