import Networks
import RunSupport

/// What `trompe study` can do, by the names that recipes have for it.
public struct StudyName: Hashable, Sendable {
  /// A section of the recipe without which a study has nothing to do.
  public enum Need: Hashable, Sendable {
    /// `fooling`: the test of heatmaps.
    case test
    /// `attack`.
    case attack
  }

  public let rawValue: String
  /// `nil` if the interpreter is all.
  public let need: Need?

  package init(_ rawValue: String, needs need: Need? = nil) {
    (self.rawValue, self.need) = (rawValue, need)
  }

  package static let aopc = StudyName("aopc")
  package static let weightNoise = StudyName("weight-noise", needs: .test)
  package static let inputNoise = StudyName("input-noise", needs: .test)
  package static let attack = StudyName("attack", needs: .attack)
  package static let transfer = StudyName("transfer", needs: .test)
  package static let faithfulness = StudyName("faithfulness")
  package static let repair = StudyName("repair", needs: .test)

  public static let all = [
    aopc, faithfulness, weightNoise, inputNoise, attack, transfer, repair,
  ]

  /// - Throws: `RunError` listing the valid names, the closest first.
  public static func named(_ name: String) throws(RunError) -> StudyName {
    try NameSuggestions.find(
      name, among: all, by: \.rawValue, what: "study", or: RunError.init)
  }
}
