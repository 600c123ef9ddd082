import Networks

/// Which layer gets which rule: an ordered table, the first entry that matches decides.
///
/// What a network is made of beside convolutions and dense layers has a rule in `base`, which
/// stands behind every table. Zennit calls the same thing a composite.
public struct RelevanceComposite: Hashable, Sendable {
  public struct Entry: Hashable, Sendable {
    public enum Position: String, Codable, Hashable, Sendable, CaseIterable {
      /// The first or the last layer of that kind, in the order of computation.
      case first, last
    }
    /// The kind of layer; a convolution or dense layer into which a batch norm was merged is one.
    public var layer: Layer.Kind
    public var position: Position?
    /// A layer's name, or the beginning of names up to a dot: `layer1` is also `layer1.0.conv1`.
    public var name: String?
    public var rule: RelevanceRule

    public init(
      _ layer: Layer.Kind, _ rule: RelevanceRule, position: Position? = nil, name: String? = nil
    ) {
      (self.layer, self.rule, self.position, self.name) = (layer, rule, position, name)
    }
  }

  public var entries: [Entry]

  public init(_ entries: [Entry]) { self.entries = entries }

  /// LRP-composite as in Heo et al. 2019: ε = 0.01 for dense layers, α1β0 for convolutions.
  public static let heo = RelevanceComposite([
    Entry(.dense, .epsilon(RelevanceRule.denseEpsilon)),
    Entry(.convolution, .alphaBeta(alpha: 1, beta: 0, epsilon: RelevanceRule.denseEpsilon)),
  ])

  /// What every table falls back on.
  static let base: [Entry] = [
    Entry(.relu, .pass), Entry(.batchNorm, .pass), Entry(.maxPool, .winnerTakesAll),
    Entry(.averagePool, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.adaptiveAveragePool, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.globalAveragePool, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.add, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.average, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.subtract, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.resize, .positiveShare(epsilon: RelevanceRule.shareEpsilon)),
    Entry(.maximum, .winnerTakesAll), Entry(.multiply, .signalTakesAll),
    Entry(.activation, .pass), Entry(.prelu, .pass), Entry(.layerNorm, .pass),
    Entry(.layerScale, .pass), Entry(.rescale, .pass), Entry(.normalization, .pass),
  ]

  /// - Throws: `NetworkError` for a rule that is not for its kind of layer, or numbers out of range.
  func validate() throws(NetworkError) {
    for entry in entries {
      let (kind, rules) = (entry.layer.rawValue, RelevanceRule.names(for: entry.layer))
      guard !rules.isEmpty else {
        throw NetworkError(
          "lrp: composite: \(kind) takes no rule, relevance has only one way to go")
      }
      guard rules.contains(entry.rule.name) else {
        throw NetworkError(
          "lrp: composite: \(entry.rule.name.rawValue) is no rule for \(kind); choose from "
            + rules.map(\.rawValue).joined(separator: ", "))
      }
      try entry.rule.checkNumbers()
    }
  }

  /// - Throws: `NetworkError` for an entry that names a layer which the network does not have.
  func checkNames(in architecture: Architecture) throws(NetworkError) {
    for case let name? in entries.map(\.name)
    where !architecture.activationNames.contains(where: { Self.matches(name, $0) }) {
      throw NetworkError(
        "lrp: composite: \(architecture.name) has no layer \"\(name)\": "
          + NameSuggestions.sentence(for: name, among: architecture.activationNames))
    }
  }

  /// The rule for a step.
  ///
  /// - Throws: `NetworkError` naming the layer and its kind where no entry matches.
  func rule(for step: NetworkGraph.Step, in network: NetworkGraph) throws(NetworkError)
    -> RelevanceRule
  {
    let alike = network.steps.filter { $0.layer.kind == step.layer.kind }
    for entry in entries + Self.base where entry.layer == step.layer.kind {
      switch entry.position {
      case .first where alike.first?.name != step.name: continue
      case .last where alike.last?.name != step.name: continue
      default: break
      }
      if let name = entry.name {
        let resolved = network.architecture.aliases[name] ?? name
        guard step.layers.contains(where: { Self.matches(name, $0) || $0 == resolved }) else {
          continue
        }
      }
      return entry.rule
    }
    let kind = step.layer.kind
    let rules = RelevanceRule.names(for: kind).map(\.rawValue)
    guard let example = rules.first else {
      throw NetworkError(
        "lrp: no relevance passes through layer \(step.name) (\(kind.rawValue)); there is no rule "
          + "for this kind of layer within a network")
    }
    throw NetworkError(
      "lrp: no rule for layer \(step.layers[0]) (\(kind.rawValue)); add one to \"composite\", e.g. "
        + "{\"layer\": \"\(kind.rawValue)\", \"rule\": \"\(example)\"}; possible rules: "
        + rules.joined(separator: ", "))
  }

  private static func matches(_ prefix: String, _ name: String) -> Bool {
    name == prefix || name.hasPrefix(prefix + ".")
  }
}

/// What becomes of frozen batch norms.
public enum BatchNormRelevance: String, Codable, Hashable, Sendable, CaseIterable {
  /// A layer of its own that relevance passes unchanged; convolutions are explained with their own
  /// filters. Heo et al. 2019.
  case identity
  /// Merged into the convolution or dense layer before it, as zennit's canonizers do. One that
  /// follows no such layer (before the ReLU of a DenseNet) is passed unchanged, as by zennit.
  case merged
}

// MARK: Coding

/// `[{"layer": "convolution", "position": "first", "rule": "flat"}, …]`
extension RelevanceComposite: Codable {
  public init(from decoder: any Decoder) throws {
    entries = try decoder.singleValueContainer().decode([Entry].self)
    guard !entries.isEmpty else {
      throw NetworkError("lrp: composite: an empty table; omit it for the default")
    }
    try validate()
  }

  public func encode(to encoder: any Encoder) throws {
    var value = encoder.singleValueContainer()
    try value.encode(entries)
  }
}

extension RelevanceComposite.Entry: Codable {
  private enum Key: String, CodingKey, CaseIterable {
    case layer, position, name, rule, epsilon, alpha, beta, gamma, bias
  }

  /// Unknown keys, and options that the rule does not have, are errors.
  public init(from decoder: any Decoder) throws {
    try decoder.rejectUnknownKeys(besides: Key.self, of: "lrp: composite")
    let values = try decoder.container(keyedBy: Key.self)
    func choice<Choice: RawRepresentable & CaseIterable>(
      _ key: Key, _ type: Choice.Type
    ) throws -> Choice where Choice.RawValue == String {
      let text = try values.decode(String.self, forKey: key)
      guard let choice = Choice(rawValue: text) else {
        throw NetworkError(
          "lrp: composite: unknown \(key.rawValue) \"\(text)\": "
            + NameSuggestions.sentence(for: text, among: Choice.allCases.map(\.rawValue)))
      }
      return choice
    }
    layer = try choice(.layer, Layer.Kind.self)
    position = values.contains(.position) ? try choice(.position, Position.self) : nil
    name = try values.decodeIfPresent(String.self, forKey: .name)
    let ruleName = try choice(.rule, RelevanceRule.Name.self)
    let options: [Key] =
      switch ruleName {
      case .epsilon, .wSquare: [.epsilon, .bias]
      case .alphaBeta: [.alpha, .beta, .epsilon, .bias]
      case .gamma: [.gamma, .epsilon, .bias]
      case .flat, .positiveShare, .share: [.epsilon]
      case .pass, .winnerTakesAll, .signalTakesAll: []
      }
    for key in [Key.epsilon, .alpha, .beta, .gamma, .bias]
    where values.contains(key) && !options.contains(key) {
      let known = options.map(\.rawValue).joined(separator: ", ")
      throw NetworkError(
        "lrp: composite: \(ruleName.rawValue) takes no \"\(key.rawValue)\""
          + (known.isEmpty ? "" : "; its options: \(known)"))
    }
    func number(_ key: Key, _ standard: Double) throws -> Double {
      try values.decodeIfPresent(Double.self, forKey: key) ?? standard
    }
    func epsilon(_ standard: Double = RelevanceRule.defaultEpsilon) throws -> Double {
      try number(.epsilon, standard)
    }
    let countsBias = try values.decodeIfPresent(Bool.self, forKey: .bias) ?? true
    switch ruleName {
    case .epsilon: rule = .epsilon(try epsilon(), countsBias: countsBias)
    case .alphaBeta:
      rule = .alphaBeta(
        alpha: try number(.alpha, 1), beta: try number(.beta, 0), epsilon: try epsilon(),
        countsBias: countsBias)
    case .gamma:
      rule = .gamma(
        try number(.gamma, RelevanceRule.defaultGamma), epsilon: try epsilon(),
        countsBias: countsBias)
    case .flat: rule = .flat(epsilon: try epsilon())
    case .wSquare: rule = .wSquare(epsilon: try epsilon(), countsBias: countsBias)
    case .pass: rule = .pass
    case .winnerTakesAll: rule = .winnerTakesAll
    case .signalTakesAll: rule = .signalTakesAll
    case .positiveShare:
      rule = .positiveShare(epsilon: try epsilon(RelevanceRule.shareEpsilon))
    case .share: rule = .share(epsilon: try epsilon())
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: Key.self)
    try values.encode(layer, forKey: .layer)
    try values.encodeIfPresent(position, forKey: .position)
    try values.encodeIfPresent(name, forKey: .name)
    try values.encode(rule.name, forKey: .rule)
    switch rule {
    case .epsilon(let epsilon, let countsBias), .wSquare(let epsilon, let countsBias):
      try values.encode(epsilon, forKey: .epsilon)
      try values.encode(countsBias, forKey: .bias)
    case .alphaBeta(let alpha, let beta, let epsilon, let countsBias):
      try values.encode(alpha, forKey: .alpha)
      try values.encode(beta, forKey: .beta)
      try values.encode(epsilon, forKey: .epsilon)
      try values.encode(countsBias, forKey: .bias)
    case .gamma(let gamma, let epsilon, let countsBias):
      try values.encode(gamma, forKey: .gamma)
      try values.encode(epsilon, forKey: .epsilon)
      try values.encode(countsBias, forKey: .bias)
    case .flat(let epsilon), .positiveShare(let epsilon), .share(let epsilon):
      try values.encode(epsilon, forKey: .epsilon)
    case .pass, .winnerTakesAll, .signalTakesAll: break
    }
  }
}
