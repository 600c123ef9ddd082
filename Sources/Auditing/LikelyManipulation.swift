import Foolings
import Foundation
import Pictures

/// What was done to heatmaps, as far as two networks tell: the fooling whose criterion more of the
/// suspect's images meet than honest networks' do.
public struct LikelyManipulation: Codable, Hashable, Sendable {
  public let fooling: String
  public let interpreter: String
  /// Shares of the images that meet the fooling's criterion, in [0, 1].
  public let suspectRate: Double
  /// The largest of the original's and those of the honest fine-tunes; without an original that of the
  /// suspect's own.
  public let honestRate: Double
  /// Mean shares of relevance where the fooling puts it; `nil` if it names no place.
  public let relevanceInside: Double?
  public let originalRelevanceInside: Double?

  /// Rates must differ by so much for a fooling to be named.
  private static let leastExcess = 0.3

  /// - Parameters:
  ///   - evidence: with an original, or with the suspect after an honest fine-tune.
  ///   - interpreters: places of those that are affected, the most first.
  static func find(_ evidence: AuditEvidence, interpreters: [Int]) -> LikelyManipulation? {
    // What honest training makes of the suspect stands in for an original that is not at hand.
    guard let original = evidence.original ?? evidence.recovered?.reading else { return nil }
    let candidates = ["location", "top-k", "center-mass"].compactMap {
      try? FoolingSpecification(name: $0, lambda: 0).fooling(classNames: [])
    }
    var best: (excess: Double, found: LikelyManipulation)?
    for place in interpreters {
      for fooling in candidates {
        func rate(_ reading: NetworkReading) -> (rate: Double, inside: Double?) {
          let images = (0..<reading.count).filter { reading.isSure($0) && original.isSure($0) }
          let maps = images.map { scaled(reading.maps[place][$0], fooling) }
          let hits = zip(images, maps).count { image, map in
            let digest = fooling.digest([scaled(original.maps[place][image], fooling)])
            return fooling.successRange.contains(fooling.testLoss(of: [map], digest: digest))
          }
          let inside = fooling.namesPlace ? maps.compactMap(fooling.relevanceInside) : []
          return (
            images.isEmpty ? 0 : Double(hits) / Double(images.count),
            inside.isEmpty ? nil : inside.mean
          )
        }
        let (suspect, untouched) = (rate(evidence.suspect), rate(original))
        let honest = max(
          untouched.rate, evidence.fineTunes.map { rate($0.reading).rate }.max() ?? 0)
        let excess = suspect.rate - honest
        guard excess >= leastExcess, excess > best?.excess ?? 0 else { continue }
        best = (
          excess,
          LikelyManipulation(
            fooling: fooling.name, interpreter: evidence.interpreters[place].name,
            suspectRate: suspect.rate, honestRate: honest, relevanceInside: suspect.inside,
            originalRelevanceInside: untouched.inside)
        )
      }
    }
    return best?.found
  }

  /// To [0, 1] for tests that read values.
  private static func scaled(_ map: Heatmap, _ fooling: any Fooling) -> Heatmap {
    guard fooling.readsValues, let low = map.values.min(), let high = map.values.max(), high > low
    else { return map }
    return Heatmap(
      height: map.height, width: map.width, values: map.values.map { ($0 - low) / (high - low) })
  }
}
