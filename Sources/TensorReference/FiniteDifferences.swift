import TensorGraph

/// Derivatives by central differences in double precision, (f(x + h) − f(x − h)) / 2h: what the
/// derivatives of a graph are tested against. Their error is of order h² f‴ + ε f / h.
public enum FiniteDifferences {
  /// What to differentiate with respect to.
  public enum Input: Hashable, Sendable {
    case placeholder(String)
    case parameter(String)
  }

  /// ε^(1/3) rounded: where the two errors of a central difference balance for f of order 1.
  public static let defaultStep = 1e-5

  /// ∂(output)/∂(input), element by element, of a graph's scalar output.
  /// - Parameters:
  ///   - graph: the function.
  ///   - input: in what to differentiate.
  ///   - placeholders: values by name.
  ///   - parameters: values by name.
  ///   - step: half the distance of the two points.
  ///   - output: which of the graph's outputs; it has one element.
  public static func gradient(
    of graph: Graph, output: Int = 0, with input: Input,
    placeholders: [String: ReferenceArray] = [:], parameters: [String: ReferenceArray] = [:],
    step: Double = defaultStep
  ) throws -> ReferenceArray {
    let shape = graph.nodes[graph.outputs[output]].shape
    guard shape.count == 1 else {
      throw ReferenceError("finite differences: output \(output) has shape \(shape), not a scalar")
    }
    let at = try value(of: input, placeholders, parameters)
    var gradient = ReferenceArray(repeating: 0, shape: at.shape)
    for position in at.values.indices {
      var direction = ReferenceArray(repeating: 0, shape: at.shape)
      direction.values[position] = 1
      let change = try directional(
        graph, along: [input: direction], placeholders: placeholders, parameters: parameters,
        step: step)
      gradient.values[position] = change[output].values[0]
    }
    return gradient
  }

  /// The derivative of every output along `direction`: d/dt of the outputs at inputs + t·direction.
  ///
  /// Of a graph whose outputs are a gradient this is a Hessian-vector product.
  public static func directional(
    _ graph: Graph, along direction: [Input: ReferenceArray],
    placeholders: [String: ReferenceArray] = [:], parameters: [String: ReferenceArray] = [:],
    step: Double = defaultStep
  ) throws -> [ReferenceArray] {
    func outputs(at distance: Double) throws -> [ReferenceArray] {
      var (placeholders, parameters) = (placeholders, parameters)
      for (input, direction) in direction {
        var moved = try value(of: input, placeholders, parameters)
        guard moved.shape == direction.shape else {
          throw ReferenceError(
            "finite differences: direction \(direction.shape) for \(input) \(moved.shape)")
        }
        for position in moved.values.indices {
          moved.values[position] += distance * direction.values[position]
        }
        switch input {
        case .placeholder(let label): placeholders[label] = moved
        case .parameter(let label): parameters[label] = moved
        }
      }
      return try ReferenceEvaluator.evaluate(
        graph, placeholders: placeholders, parameters: parameters)
    }
    let (ahead, behind) = (try outputs(at: step), try outputs(at: -step))
    return zip(ahead, behind).map { ahead, behind in
      ReferenceArray(
        shape: ahead.shape,
        values: zip(ahead.values, behind.values).map { ($0 - $1) / (2 * step) })
    }
  }

  /// H·v = ∂²f/∂x² · v for the scalar f that `loss` builds, by differencing the *graph's* gradient
  /// ∂f/∂x along `vector`.
  /// - Parameters:
  ///   - loss: a scalar of `builder`.
  ///   - input: the name of `variable`.
  ///   - vector: v, of the shape of x.
  ///   - placeholders: values by name.
  ///   - parameters: values by name.
  ///   - step: half the distance of the two points.
  ///   - builder: holds `loss` and `variable`; the gradient is appended to a copy.
  ///   - variable: the placeholder or parameter that `input` names.
  public static func hessianVectorProduct(
    of loss: Value, with variable: Value, named input: Input, times vector: ReferenceArray,
    in builder: GraphBuilder, placeholders: [String: ReferenceArray] = [:],
    parameters: [String: ReferenceArray] = [:], step: Double = defaultStep
  ) throws -> ReferenceArray {
    var builder = builder
    let gradient = try builder.gradient(of: loss, with: [variable])
    return try directional(
      builder.graph(outputs: gradient), along: [input: vector], placeholders: placeholders,
      parameters: parameters, step: step)[0]
  }

  private static func value(
    of input: Input, _ placeholders: [String: ReferenceArray],
    _ parameters: [String: ReferenceArray]
  ) throws -> ReferenceArray {
    let array: ReferenceArray? =
      switch input {
      case .placeholder(let label): placeholders[label]
      case .parameter(let label): parameters[label]
      }
    guard let array else { throw ReferenceError("finite differences: \(input) is not given") }
    return array
  }
}
