import TensorGraph

/// What a kernel costs on any machine: arithmetic and memory traffic.
public struct Cost: Hashable, Sendable {
  /// Floating-point operations; a multiply-add counts as two.
  public var flops: Int
  /// Bytes read and written if every operand is read once and every result written once.
  public var bytes: Int

  public init(flops: Int, bytes: Int) { (self.flops, self.bytes) = (flops, bytes) }

  public static func + (a: Cost, b: Cost) -> Cost {
    Cost(flops: a.flops + b.flops, bytes: a.bytes + b.bytes)
  }
  public static let zero = Cost(flops: 0, bytes: 0)
}

extension Kernel {
  /// - Parameters:
  ///   - graph: the graph from which the kernel was made; storages are ids of its nodes.
  ///   - traffic: bytes of all that is read and written.
  func cost(in graph: Graph, traffic: Int) -> Cost {
    switch work {
    case .convolution(let convolution, let epilogue):
      let y = writeShapes[0]
      var flops = convolution.window.flops(y, channels: readShapes[0][3], convolution.groups)
      flops +=
        y.count
        * [
          epilogue.bias != nil, epilogue.residual != nil, epilogue.hasReLU, epilogue.limit != nil,
        ].filter { $0 }.count
      return Cost(flops: flops, bytes: traffic)
    case .inputGradient(let gradient, let postOps):
      let sums = gradient.window.flops(
        readShapes[0], channels: gradient.inputShape[3], gradient.groups)
      return Cost(flops: sums + (postOps?.fused.flops ?? 0), bytes: traffic)
    case .pointwise(let fused): return Cost(flops: fused.flops, bytes: traffic)
    case .maxPool(let window):
      return Cost(flops: writeShapes[0].count * window.height * window.width, bytes: traffic)
    case .operation(let operation):
      let flops =
        switch operation {
        case let gradient as ConvolutionFilterGradient:
          gradient.window.flops(readShapes[1], channels: readShapes[0][3], gradient.groups)
        case let product as MatrixProduct:
          2 * writeShapes[0].count * readShapes[0][product.transposesLeft ? 0 : 1]
        case let pool as MaxPoolIndex:
          writeShapes[0].count * pool.window.height * pool.window.width
        case let pool as AveragePool:
          writeShapes[0].count * pool.window.height * pool.window.width
        default: 0
        }
      return Cost(flops: flops, bytes: traffic)
    }
  }
}

extension FusionGroup {
  fileprivate var flops: Int { (instructions.count + reductions.count) * shape.count }
}

extension Window2D {
  /// Multiply-adds of a convolution with result `y` [N, P, Q, K], counted twice.
  fileprivate func flops(_ y: Shape, channels: Int, _ groups: Int) -> Int {
    2 * y.count * height * width * channels / groups
  }
}

extension Node {
  public var byteCount: Int { shape.count * (type == .uint8 ? 1 : 4) }
}
