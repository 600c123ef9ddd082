import Recipes
import RunSupport

/// One line of `curvature.jsonl`: the geometry at one image. In units of the normalised input.
public struct CurvatureRecord: Codable, Hashable, Sendable {
  public var image: String
  public var label: String
  /// The largest eigenvalues by size of the Hessian in the image, the largest first.
  public var eigenvalues: [Double]
  /// ‖∇f‖₂.
  public var gradientNorm: Double
  /// By direction: vᵀHv, v of length 1.
  public var curvatures: [String: Double]
  /// By direction: ‖Hv‖₂, how fast the gradient turns along it.
  public var turns: [String: Double]
}

/// The result of `trompe curvature`: what its `summary.json` holds. Means over the images.
public struct CurvatureSummary: Codable, Hashable, Sendable {
  public struct Direction: Codable, Hashable, Sendable {
    public var name: String
    public var curvature: Double
    /// Of |vᵀHv| / |λ₁|, in [0, 1]: how much of the largest curvature the direction has.
    public var shareOfLargest: Double
    public var turn: Double
  }
  public var function: CurvedFunction
  public var eigenvalues: [Double]
  public var gradientNorm: Double
  public var directions: [Direction]
  public var images: Int
  public var tried: Int
  public var interpreter: String
  public var seconds: Double
  public var seed: UInt64
  public var toolVersion: String
}

extension CurvatureSummary {
  package init(
    _ records: [CurvatureRecord], function: CurvedFunction, directions names: [String],
    tried: Int, interpreter: String, seconds: Double, seed: UInt64
  ) {
    precondition(!records.isEmpty, "results of no image")
    func mean(_ value: (CurvatureRecord) -> Double) -> Double {
      records.reduce(0) { $0 + value($1) } / Double(records.count)
    }
    let count = records.map(\.eigenvalues.count).min() ?? 0
    self.init(
      function: function, eigenvalues: (0..<count).map { index in mean { $0.eigenvalues[index] } },
      gradientNorm: mean(\.gradientNorm),
      directions: names.map { name in
        Direction(
          name: name, curvature: mean { $0.curvatures[name]! },
          shareOfLargest: mean { record in
            let largest = abs(record.eigenvalues.first ?? 0)
            return largest > 0 ? min(abs(record.curvatures[name]!) / largest, 1) : 0
          }, turn: mean { $0.turns[name]! })
      },
      images: records.count, tried: tried, interpreter: interpreter, seconds: seconds, seed: seed,
      toolVersion: Trompe.version)
  }
}
