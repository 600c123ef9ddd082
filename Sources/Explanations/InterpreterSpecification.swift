import Networks

/// Which heatmap to compute, as a recipe says it: `{"name": "grad-cam", "layer": "layer4"}`.
///
/// An option that is omitted has the method's default; one that the method does not have is an
/// error.
public struct InterpreterSpecification: Codable, Hashable, Sendable {
  /// A name of `InterpreterKind.all`.
  public var name: String
  /// Target layer of methods that have one.
  public var layer: String?
  /// Layer-wise relevance: which layer gets which rule.
  public var composite: RelevanceComposite?
  /// Layer-wise relevance: what becomes of frozen batch norms.
  public var batchNorm: BatchNormRelevance?

  /// Grad-CAM: slope of the derivative where there is no relevance.
  public var leak: Double?
  /// Grad-CAM: whether derivatives go through the channels' weights α.
  public var alpha: Alpha?

  public enum Alpha: String, Codable, Hashable, Sendable, CaseIterable { case exact, detached }

  /// SmoothGrad and UniGrad: number of noisy inputs.
  public var samples: Int?
  /// SmoothGrad: standard deviation of the noise, in `sigmaUnit`.
  public var sigma: Double?
  public var sigmaUnit: SmoothGrad.SigmaUnit?
  /// UniGrad: largest change of a sample, as a share of the pixels' range (4/255 is 0.0157).
  public var radius: Double?
  /// UniGrad: by what each channel was divided when the image was normalised.
  public var standardDeviation: [Double]?
  /// Integrated Gradients: number of points on the path.
  public var steps: Int?
  /// SmoothGrad and UniGrad: what the noise is drawn from.
  public var seed: UInt64?
  /// Any method: β of a softplus that stands for ReLU where the network is explained.
  public var softplus: Double?
  /// Magnitudes of gradients at the input: what a pixel's channels come to.
  public var channels: ChannelReduction?
  /// Gradients at the input: the tangent spaces that they are projected onto.
  public var projected: TangentProjection?
  /// `aggregate`: the explanations whose mean it is.
  public var of: [InterpreterSpecification]?

  public init(
    name: String, layer: String? = nil, composite: RelevanceComposite? = nil,
    batchNorm: BatchNormRelevance? = nil, leak: Double? = nil, samples: Int? = nil,
    sigma: Double? = nil,
    sigmaUnit: SmoothGrad.SigmaUnit? = nil, radius: Double? = nil,
    standardDeviation: [Double]? = nil, steps: Int? = nil, seed: UInt64? = nil,
    softplus: Double? = nil, alpha: Alpha? = nil, projected: TangentProjection? = nil,
    of: [InterpreterSpecification]? = nil, channels: ChannelReduction? = nil
  ) {
    self.channels = channels
    (self.projected, self.of) = (projected, of)
    self.alpha = alpha
    (self.name, self.layer) = (name, layer)
    (self.composite, self.batchNorm) = (composite, batchNorm)
    self.leak = leak
    (self.samples, self.sigma, self.sigmaUnit) = (samples, sigma, sigmaUnit)
    (self.radius, self.standardDeviation) = (radius, standardDeviation)
    (self.steps, self.seed, self.softplus) = (steps, seed, softplus)
  }

  /// The method itself.
  ///
  /// - Throws: `NetworkError` for an unknown name (listing the known ones), a layer that is missing
  ///   or not taken, an option that is not taken or a number out of range.
  public func interpreter() throws(NetworkError) -> any Interpreter {
    let kind = try InterpreterKind.named(name)
    switch (kind.place, layer) {
    case (.targetLayer, nil):
      throw NetworkError(
        "\(name) needs \"layer\": the activation at which to explain, e.g. the last convolutional "
          + "block (\(name)@LAYER); trompe inspect FILE --layers lists a network's")
    case (.input, let layer?):
      throw NetworkError("\(name) explains at the input and takes no layer (\"\(layer)\" given)")
    default: break
    }
    for option in given where !kind.options.contains(option) {
      let known = kind.options.map(\.rawValue).sorted().joined(separator: ", ")
      throw NetworkError(
        "\(name) takes no \"\(option.rawValue)\""
          + (known.isEmpty ? "" : "; its options: \(known)"))
    }
    try composite?.validate()
    try projected?.validate(name)
    let interpreter = try kind.make(self)
    guard let softplus else { return interpreter }
    guard softplus > 0, softplus.isFinite else {
      throw NetworkError("\(name): softplus is \(softplus), expected β above 0")
    }
    return interpreter.onSoftplus(beta: softplus)
  }

  /// `name` or `name@layer`.
  public init(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    self.init(name: String(parts[0]), layer: parts.count > 1 ? String(parts[1]) : nil)
  }

  /// The same with the preprocessing's standard deviation, where the method asks for one and it is
  /// omitted.
  public func completed(standardDeviation: [Double]) -> InterpreterSpecification {
    var completed = self
    let kind = InterpreterKind.all.first { $0.name == name }
    if kind?.options.contains(.standardDeviation) == true {
      completed.standardDeviation = self.standardDeviation ?? standardDeviation
    }
    completed.of = of?.map { $0.completed(standardDeviation: standardDeviation) }
    return completed
  }

  /// The same with what its projections, and those of its parts, get their tangent spaces from.
  public func completed(
    tangents: (TangentProjection) throws -> any TangentSource
  ) rethrows -> InterpreterSpecification {
    var completed = self
    if let projected { completed.projected?.source = try tangents(projected) }
    completed.of = try of?.map { try $0.completed(tangents: tangents) }
    return completed
  }

  /// Its projection and those of its parts.
  public var projections: [TangentProjection] {
    [projected].compactMap(\.self) + (of ?? []).flatMap(\.projections)
  }

  /// Options that are set.
  private var given: [Key] {
    [
      (Key.composite, composite != nil), (.batchNorm, batchNorm != nil),
      (.leak, leak != nil), (.alpha, alpha != nil),
      (.samples, samples != nil), (.sigma, sigma != nil),
      (.sigmaUnit, sigmaUnit != nil),
      (.radius, radius != nil), (.standardDeviation, standardDeviation != nil),
      (.steps, steps != nil), (.seed, seed != nil), (.projected, projected != nil),
      (.channels, channels != nil),
      (.of, of != nil),
    ].filter(\.1).map(\.0)
  }

  /// The value of a numeric option or its default, if it is in range.
  func checked<Number: Comparable>(
    _ key: Key, _ value: Number?, default standard: Number, in range: ClosedRange<Number>
  ) throws(NetworkError) -> Number {
    let value = value ?? standard
    // Written so that NaN is out of range.
    guard value >= range.lowerBound, value <= range.upperBound else {
      throw NetworkError(
        "\(name): \(key.rawValue) is \(value), expected \(range.lowerBound) to "
          + "\(range.upperBound)")
    }
    return value
  }

  // MARK: Coding

  enum Key: String, CodingKey, CaseIterable {
    case name, layer, composite, batchNorm
    case leak, alpha, samples, sigma, sigmaUnit, radius, standardDeviation, steps, seed, softplus
    case projected, of, channels
  }

  /// Unknown keys are errors: a misspelt option must not be ignored. `name@layer` stands for both.
  public init(from decoder: any Decoder) throws {
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      self.init(text)
      return
    }
    try decoder.rejectUnknownKeys(besides: Key.self, of: "interpreter")
    let values = try decoder.container(keyedBy: Key.self)
    self.init(name: try values.decode(String.self, forKey: .name))
    layer = try values.decodeIfPresent(String.self, forKey: .layer)
    composite = try values.decodeIfPresent(RelevanceComposite.self, forKey: .composite)
    batchNorm = try values.decodeChoice(forKey: .batchNorm)
    leak = try values.decodeIfPresent(Double.self, forKey: .leak)
    alpha = try values.decodeChoice(forKey: .alpha)
    samples = try values.decodeIfPresent(Int.self, forKey: .samples)
    sigma = try values.decodeIfPresent(Double.self, forKey: .sigma)
    sigmaUnit = try values.decodeChoice(forKey: .sigmaUnit)
    radius = try values.decodeIfPresent(Double.self, forKey: .radius)
    standardDeviation = try values.decodeIfPresent([Double].self, forKey: .standardDeviation)
    steps = try values.decodeIfPresent(Int.self, forKey: .steps)
    seed = try values.decodeIfPresent(UInt64.self, forKey: .seed)
    softplus = try values.decodeIfPresent(Double.self, forKey: .softplus)
    projected = try values.decodeIfPresent(TangentProjection.self, forKey: .projected)
    channels = try values.decodeChoice(forKey: .channels)
    of = try values.decodeIfPresent([InterpreterSpecification].self, forKey: .of)
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(name, forKey: .name)
    try values.encodeIfPresent(layer, forKey: .layer)
    try values.encodeIfPresent(composite, forKey: .composite)
    try values.encodeIfPresent(batchNorm, forKey: .batchNorm)
    try values.encodeIfPresent(leak, forKey: .leak)
    try values.encodeIfPresent(alpha, forKey: .alpha)
    try values.encodeIfPresent(samples, forKey: .samples)
    try values.encodeIfPresent(sigma, forKey: .sigma)
    try values.encodeIfPresent(sigmaUnit, forKey: .sigmaUnit)
    try values.encodeIfPresent(radius, forKey: .radius)
    try values.encodeIfPresent(standardDeviation, forKey: .standardDeviation)
    try values.encodeIfPresent(steps, forKey: .steps)
    try values.encodeIfPresent(seed, forKey: .seed)
    try values.encodeIfPresent(softplus, forKey: .softplus)
    try values.encodeIfPresent(projected, forKey: .projected)
    try values.encodeIfPresent(of, forKey: .of)
    try values.encodeIfPresent(channels, forKey: .channels)
  }
}

extension KeyedDecodingContainer {
  /// A name out of a fixed list, or `nil` where the key is missing.
  ///
  /// - Throws: `NetworkError` listing the valid names, the closest first.
  fileprivate func decodeChoice<Choice: RawRepresentable & CaseIterable>(
    forKey key: Key
  ) throws -> Choice? where Choice.RawValue == String {
    guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw NetworkError(
        "interpreter: unknown \(key.stringValue) \"\(text)\": "
          + NameSuggestions.sentence(for: text, among: Choice.allCases.map(\.rawValue)))
    }
    return choice
  }
}
