import Checkpoints

/// How results are written.
public struct OutputSection: Hashable, Sendable {
  /// That of `network.checkpoint` if omitted, so that a network goes back as it came.
  public var layout: CheckpointLayout?
  /// Whether what goes into `metrics.jsonl` is written for TensorBoard as well.
  public var tensorboard: Bool

  public init(layout: CheckpointLayout? = nil, tensorboard: Bool = false) {
    (self.layout, self.tensorboard) = (layout, tensorboard)
  }
}

extension OutputSection {
  static let schema = RecipeSchema(
    OutputSection(),
    [
      .automatic(
        "layout", \.layout, .choice(CheckpointLayout.self), else: "that of `network.checkpoint`",
        "names and axes of the resulting network's file, so that it loads where the original did"),
      .defaulted(
        "tensorboard", \.tensorboard, .truth,
        "also write what goes into `metrics.jsonl` as an event file for TensorBoard"),
    ])
}
