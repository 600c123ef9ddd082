import TensorGraph

/// A network that a PyTorch state dict suggests by names and shapes alone: which layers there are is
/// certain, how they are connected is a guess.
///
/// A new kind of network is one new file with its `Kind` and one line in `kinds`.
public struct InferredNetwork: Sendable {
  public let architecture: Architecture
  /// How the layers are read, for people; begins with a plural noun.
  public let reading: String

  struct Kind: Sendable {
    let find: @Sendable (StateDictShapes, _ size: (height: Int, width: Int)?) -> InferredNetwork?
  }

  static let kinds = [InferredResidual.kind, InferredChain.kind]

  /// - Parameters:
  ///   - shapes: of all parameters and statistics by name, without batch counts; filters [K, C, R, S],
  ///     matrices [outputs, inputs].
  ///   - size: of the images, if known.
  /// - Returns: nil if the names and shapes are those of no kind, or of several networks of one.
  public static func find(
    _ shapes: [String: Shape], size: (height: Int, width: Int)?
  ) -> InferredNetwork? {
    let shapes = StateDictShapes(shapes)
    for kind in kinds {
      guard let found = kind.find(shapes, size) else { continue }
      // Every array of the file is one of the network's, of the same shape.
      let expected = Dictionary(
        uniqueKeysWithValues: found.architecture.parameters.map { ($0.name, $0.shape.count) })
      if expected == shapes.tensors.mapValues(\.count) { return found }
    }
    return nil
  }
}

/// The arrays of a state dict, grouped into the layers that they belong to.
struct StateDictShapes: Sendable {
  enum Kind: Equatable { case convolution, norm, dense, unknown }

  struct Module {
    let name: String
    let parts: [String: Shape]

    var weight: Shape { parts["weight"] ?? [] }
    var hasBias: Bool { parts["bias"] != nil }
    /// Of a filter [K, C, R, S].
    var outputs: Int { weight[0] }
    var inputs: Int { weight[1] }
    var kernel: Int { weight[2] }
    /// Of a batch norm.
    var channels: Int { parts["running_mean"]![0] }
    /// Parts of the name between its dots.
    let path: [String]
    /// The name's numbers and words in their order: `layer10` after `layer2`.
    let order: [Ordinal]

    var kind: Kind {
      let names = Set(parts.keys)
      let all = parts.values
      guard all.allSatisfy({ $0.dimensions.allSatisfy { $0 > 0 } }) else { return .unknown }
      let statistics: Set = ["running_mean", "running_var"]
      if names == statistics || names == statistics.union(["weight", "bias"]) {
        return all.allSatisfy { $0.rank == 1 && $0 == all.first } ? .norm : .unknown
      }
      guard names == ["weight"] || names == ["weight", "bias"],
        parts["bias"].map({ $0.dimensions == [weight.dimensions.first ?? 0] }) ?? true
      else { return .unknown }
      switch weight.rank {
      case 4 where weight[2] == weight[3] && weight[2] % 2 == 1: return .convolution
      case 2: return .dense
      default: return .unknown
      }
    }

    func batchNorm() -> Layer {
      let isAffine = parts["weight"] != nil
      return .batchNorm(BatchNormLayer(channels: channels, hasGamma: isAffine, hasBeta: isAffine))
    }

    /// - Parameter channels: of what it reads; a multiple of the filters' own for each group.
    func convolution(inputs channels: Int, stride: Int, padding: Int) -> Layer {
      .convolution(
        ConvolutionLayer(
          inputChannels: channels, outputChannels: outputs, kernelSize: kernel, stride: stride,
          padding: padding, groups: channels / inputs, hasBias: hasBias))
    }
  }

  enum Ordinal: Comparable {
    case number(Int)
    case word(String)
  }

  let tensors: [String: Shape]
  /// In the order of their names, numbers by their values.
  let modules: [Module]

  init(_ tensors: [String: Shape]) {
    self.tensors = tensors
    var parts: [String: [String: Shape]] = [:]
    for (name, shape) in tensors {
      let dot = name.lastIndex(of: ".")
      let module = dot.map { String(name[..<$0]) } ?? ""
      parts[module, default: [:]][dot.map { String(name[name.index(after: $0)...]) } ?? name] =
        shape
    }
    modules = parts.map { name, parts in
      Module(
        name: name, parts: parts, path: name.split(separator: ".").map(String.init),
        order: Self.order(of: name))
    }.sorted { $0.order.lexicographicallyPrecedes($1.order) }
  }

  static func order(of name: String) -> [Ordinal] {
    var order: [Ordinal] = []
    var rest = Substring(name)
    while let first = rest.first {
      let isNumber = first.isASCII && first.isNumber
      let run = rest.prefix { ($0.isASCII && $0.isNumber) == isNumber }
      order.append(
        isNumber ? Int(run).map { .number($0) } ?? .word(String(run)) : .word(String(run)))
      rest = rest.dropFirst(run.count)
    }
    return order
  }
}
