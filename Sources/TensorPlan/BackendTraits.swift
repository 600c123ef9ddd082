/// What a backend can do, as far as a plan depends on it.
///
/// The default is a backend that takes every operation in the graph's own layouts, in floats.
public struct BackendTraits: Sendable {
  /// Whether activations between convolutions may be kept in blocks of 16 channels
  /// (`ProgramPlan.blocked`).
  public var blocksChannels: Bool
  /// Whether convolutions multiply filters by a number for each output channel as they pack them
  /// (`Kernel.filterScale`).
  public var scalesFilters: Bool
  /// Which convolutions multiply in bfloat16; none if `nil`. Activations between those are kept so
  /// (`ProgramPlan.rounded`).
  public var multipliesInBFloat16: (@Sendable (Kernel) -> Bool)?

  public init(
    blocksChannels: Bool = false, scalesFilters: Bool = false,
    multipliesInBFloat16: (@Sendable (Kernel) -> Bool)? = nil
  ) {
    (self.blocksChannels, self.scalesFilters) = (blocksChannels, scalesFilters)
    self.multipliesInBFloat16 = multipliesInBFloat16
  }
}
