import Networks

/// How the relevance R of a layer's output becomes relevance of its input.
///
/// z is a layer's output before what follows, x its input, w and b its weight and bias; ⁺ and ⁻ are
/// positive and negative parts, Σ runs over the inputs of one output. Every denominator is
/// stabilised: d + ε·sign(d) with sign(0) = +1.
/// - Note: where `countsBias` is true (zennit's convention) a bias takes its share of the relevance,
///   which nobody receives; otherwise it is omitted from the denominator.
public enum RelevanceRule: Hashable, Sendable {
  /// R_i = Σ_j x_i w_ij / (z_j + ε·sign z_j) · R_j. Bach et al. 2015, Eq. 58.
  case epsilon(Double, countsBias: Bool = true)
  /// R_i = Σ_j (α·(x_i w_ij)⁺ / Σ (x w)⁺ − β·(x_i w_ij)⁻ / Σ (x w)⁻) · R_j with α − β = 1.
  /// Bach et al. 2015, Eq. 60.
  case alphaBeta(alpha: Double, beta: Double, epsilon: Double, countsBias: Bool = true)
  /// R_i = Σ_j x_i (w_ij + γ w_ij⁺) / Σ x (w + γ w⁺) · R_j. Montavon et al. 2019; for inputs and
  /// outputs of any sign as generalised by Andéol et al. 2021.
  case gamma(Double, epsilon: Double, countsBias: Bool = true)
  /// R_i = Σ_j R_j / number of inputs. Lapuschkin et al. 2019.
  case flat(epsilon: Double)
  /// R_i = Σ_j w_ij² / Σ w² · R_j. Montavon et al. 2017.
  case wSquare(epsilon: Double, countsBias: Bool = true)
  /// R_i = R_i of the output.
  case pass
  /// All to the largest element of each window; overlapping windows accumulate.
  case winnerTakesAll
  /// R_i = Σ_j x_i⁺ / (Σ x⁺ + ε) · R_j, the weights of an average included.
  case positiveShare(epsilon: Double)
  /// R_i = Σ_j x_i / (Σ x + ε·sign) · R_j, the weights of an average included: the ε-rule of a
  /// layer without parameters.
  case share(epsilon: Double)
  /// Of a product, all to the signals and nothing to the gates: those that are repeated to the other's
  /// extents, or else come out of a function with bounds (sigmoid, tanh). Several signals receive equal
  /// parts. Arras et al. 2017; where there is no gate, the uniform rule of Achtibat et al. 2024.
  case signalTakesAll

  /// Dense layers: Heo et al. 2019, released code.
  public static let denseEpsilon = 0.01
  /// Residual additions and averages: only keeps 0/0 away.
  public static let shareEpsilon = 1e-12
  /// Where a recipe gives none: zennit's.
  static let defaultEpsilon = 1e-6
  /// Where a recipe gives none: zennit's.
  static let defaultGamma = 0.25

  /// The name in recipes.
  public enum Name: String, Codable, Hashable, Sendable, CaseIterable {
    case epsilon, gamma, flat, pass, share
    case alphaBeta = "alpha-beta"
    case wSquare = "w-square"
    case winnerTakesAll = "winner-takes-all"
    case positiveShare = "positive-share"
    case signalTakesAll = "signal-takes-all"
  }

  public var name: Name {
    switch self {
    case .epsilon: .epsilon
    case .alphaBeta: .alphaBeta
    case .gamma: .gamma
    case .flat: .flat
    case .wSquare: .wSquare
    case .pass: .pass
    case .winnerTakesAll: .winnerTakesAll
    case .positiveShare: .positiveShare
    case .share: .share
    case .signalTakesAll: .signalTakesAll
    }
  }

  /// The rules that a kind of layer can have. None where relevance has only one way to go
  /// (flattening, other shapes, padding, cropping, subsampling, concatenation, dropout), for a softmax
  /// and for a quotient.
  static func names(for kind: Layer.Kind) -> [Name] {
    switch kind {
    case .convolution, .dense: [.epsilon, .alphaBeta, .gamma, .flat, .wSquare]
    case .batchNorm: [.pass, .epsilon]
    case .relu, .activation, .prelu, .layerNorm, .layerScale, .rescale, .normalization: [.pass]
    case .maxPool, .maximum: [.winnerTakesAll]
    case .averagePool, .adaptiveAveragePool, .globalAveragePool, .add, .average, .subtract, .resize:
      [.positiveShare, .share]
    case .multiply: [.signalTakesAll]
    case .flatten, .concatenate, .subsampleAndPadChannels, .zeroPadding, .dropout, .softmax,
      .divide, .reshape, .permute, .reverseChannels, .crop, .spatialDropout:
      []
    }
  }

  /// Checks the rule's own numbers.
  func checkNumbers() throws(NetworkError) {
    func check(_ option: String, _ value: Double, _ isValid: Bool, _ expected: String)
      throws(NetworkError)
    {
      guard value.isFinite, isValid else {
        throw NetworkError(
          "lrp: composite: \(name.rawValue): \(option) is \(value), expected \(expected)")
      }
    }
    func check(epsilon: Double) throws(NetworkError) {
      // At 0 a dead neuron would give 0/0; beneath the smallest normal float it is 0 to an executor.
      try check("epsilon", epsilon, epsilon >= 1e-30 && epsilon <= 1e6, "1e-30 to 1e6")
    }
    switch self {
    case .epsilon(let epsilon, _), .flat(let epsilon), .wSquare(let epsilon, _),
      .positiveShare(let epsilon), .share(let epsilon):
      try check(epsilon: epsilon)
    case .alphaBeta(let alpha, let beta, let epsilon, _):
      try check(epsilon: epsilon)
      try check("beta", beta, beta >= 0 && beta <= 1e6, "0 to 1e6")
      try check("alpha", alpha, abs(alpha - beta - 1) < 1e-9, "1 + beta, so that relevance is kept")
    case .gamma(let gamma, let epsilon, _):
      try check(epsilon: epsilon)
      try check("gamma", gamma, gamma >= 0 && gamma <= 1e6, "0 to 1e6")
    case .pass, .winnerTakesAll, .signalTakesAll: break
    }
  }
}
