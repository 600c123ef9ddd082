// Sources/Explanations/SquaredGrad.swift
import Networks
import TensorGraph

/// h = g / (max g + 1e-8) with g = Σ_channels (∂logit_c/∂x)² at the input, [N, H, W], in [0, 1].
public struct SquaredGrad: Interpreter {
  static let stabilizer = 1e-8

  public var name: String { "squared-grad" }
  public var range: HeatmapRange { .unit }

  public init() {}

  static let kind = InterpreterKind("squared-grad", make: { _ in SquaredGrad() })

  public func heatmap(
    of network: NetworkGraph, classes: Value, in graph: inout GraphBuilder
  ) throws -> Value {
    let score = try network.score(of: classes, in: &graph)
    let gradient = try graph.gradient(of: score, with: [network.input])[0]
    let magnitude = try graph.sumChannels(graph.square(gradient))
    return try graph.dividedByMaximum(magnitude, stabilizer: Self.stabilizer)
  }
}
