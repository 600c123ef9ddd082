import Foundation

extension FoolingSearch {
  /// What was measured on calibration images.
  package struct Measure: Codable, Hashable {
    /// By the fooled interpreter, in [0, 1].
    package var fsr: Double
    /// Percentage points.
    package var drop: Double
    /// Standard error of `drop`, of as many other images.
    package var error: Double
    /// Standard error of `fsr`; 0 if `nil`.
    package var fsrError: Double?
    /// Share of all-zero heatmaps.
    package var vanished: Double
    /// What the drop is unlikely to exceed: 84 %.
    package var likelyDrop: Double { drop + error }

    package init(
      fsr: Double, drop: Double, error: Double = 0, fsrError: Double? = nil, vanished: Double = 0
    ) {
      (self.fsr, self.drop, self.error, self.vanished) = (fsr, drop, error, vanished)
      self.fsrError = fsrError
    }

    /// Φ((FSR − goal)/σ_FSR)·Φ((allowed − drop)/σ_drop): how likely other images meet both.
    package func chance(of goal: Double, within allowed: Double) -> Double {
      func below(_ room: Double, _ deviation: Double) -> Double {
        deviation > 0 ? erfc(-room / deviation / 2.0.squareRoot()) / 2 : room >= 0 ? 1 : 0
      }
      return below(fsr - goal, fsrError ?? 0) * below(allowed - drop, error)
    }
  }
}
