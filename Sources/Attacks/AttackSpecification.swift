/// Which attacks on explanations a recipe names.
public struct AttackSpecification: Hashable, Sendable {
  // Ghorbani et al. 2019, Section 3 and released code, for images of 227×227.
  public static let paperEpsilon = 8.0
  public static let paperStepSize = 0.5
  public static let paperIterations = 300
  static let paperTopK = 1000
  static let paperSide = 227

  /// Names of `AttackKind.all`, in the order of reports.
  public var methods: [String]
  /// ε: the largest change of a sample, in units of 0 to 255; one curve point for each.
  public var epsilons: [Double]
  /// α: the change of a sample in one iteration, in units of 0 to 255.
  public var stepSize: Double
  /// P.
  public var iterations: Int
  /// The iterate is looked at every so many iterations, and at the last.
  public var checkEvery: Int
  /// Pixels that count as the top; the paper's share of the heatmap's pixels if `nil`.
  public var k: Int?
  /// β of the softplus that stands for ReLU where directions are computed.
  public var beta: Double
  /// How many correctly classified images are attacked.
  public var images: Int
  /// Of the choice of images and of random directions.
  public var seed: UInt64
  /// Random perturbations of each image at each ε, whose heatmaps are compared with the clean one.
  public var randomDraws: Int
  /// `targeted`: left, top, right, bottom as shares of width and height.
  public var region: [Double]?
  /// `target-map`: the file of the image whose heatmap all images are to get; that of the next image if
  /// `nil`.
  public var target: String?
  /// `target-map`: γ; 1 if `nil`.
  public var logitWeight: Double?
  /// `target-map`: β of the last iteration; the paper's if `nil`.
  public var finalBeta: Double?

  public init(
    methods: [String], epsilons: [Double] = [paperEpsilon], stepSize: Double = paperStepSize,
    iterations: Int = paperIterations, checkEvery: Int = 1, k: Int? = nil,
    beta: Double = defaultBeta, images: Int = 128, seed: UInt64 = 0, randomDraws: Int = 0,
    region: [Double]? = nil, target: String? = nil, logitWeight: Double? = nil,
    finalBeta: Double? = nil
  ) {
    (self.methods, self.epsilons, self.stepSize) = (methods, epsilons, stepSize)
    (self.iterations, self.checkEvery, self.k, self.beta) = (iterations, checkEvery, k, beta)
    (self.images, self.seed, self.region) = (images, seed, region)
    self.randomDraws = randomDraws
    (self.target, self.logitWeight, self.finalBeta) = (target, logitWeight, finalBeta)
  }

  /// Large enough that maps resemble those of the ReLU network, small enough for second derivatives
  /// everywhere.
  public static let defaultBeta = 10.0

  /// k for heatmaps of this size: as given, or the paper's 1000 of 227², at least 1.
  public func topK(height: Int, width: Int) -> Int {
    let pixels = height * width
    let share = Double(Self.paperTopK) / Double(Self.paperSide * Self.paperSide)
    return min(k ?? max(1, Int((share * Double(pixels)).rounded())), pixels)
  }
}
