import Checkpoints
import Evaluation
import Foolings
import Foundation
import ImageData
import Pictures
import Reports
import RunSupport

/// `report.json`: what a report shows and no other file of a run holds.
struct ReportNotes: Codable {
  package var facts: [RunReport.Fact]
  package var test: RunReport.SuccessTest
  /// Where relevance is wanted; `nil` if the fooling names no place.
  package var mask: HeatmapGrid?
  package var gallery: [GalleryPicture]
}

extension ReportNotes {
  /// Cells of a mask's longer side that are drawn.
  private static let longestMaskSide = 64

  /// - Parameters:
  ///   - collected: what both networks say of the gallery's images.
  ///   - tested: the source of those images.
  ///   - preprocessing: how they are prepared.
  ///   - classNames: of all the network's classes.
  package init(
    facts: [RunReport.Fact], test fooled: FoolingTest, interpreters: [String],
    collected: (original: GalleryCollector, manipulated: GalleryCollector),
    results: (original: EvaluationResult, manipulated: EvaluationResult),
    tested: any ImageSource, preprocessing: Preprocessing, classNames: [String]
  ) {
    self.facts = facts
    let fooling = fooled.fooling
    mask = fooled.comparisons.first.flatMap { comparison in
      fooling.place(height: comparison.grid.height, width: comparison.grid.width).map {
        HeatmapGrid($0.averaged(longestSide: Self.longestMaskSide), isSigned: false)
      }
    }
    let range = fooling.successRange
    test = RunReport.SuccessTest(
      lower: range.lowerBound, upper: range.upperBound, isSmallerFooled: fooling.isSmallerFooled)
    let positions = collected.original.readings.keys.sorted()
      .filter { collected.manipulated.readings[$0] != nil }
    let isSigned = interpreters.indices.map { interpreter in
      [collected.original, collected.manipulated].contains { collector in
        collector.readings.values.contains {
          $0.heatmaps[interpreter].contains(where: \.isSigned)
        }
      }
    }
    func losses(_ result: EvaluationResult) -> [String: [Int: Double]] {
      result.testLosses.mapValues {
        Dictionary(zip(result.explained, $0), uniquingKeysWith: { first, _ in first })
      }
    }
    let pictures = GalleryPictures(
      interpreters: interpreters, isSigned: isSigned, explained: fooling.explained, tested: tested,
      preprocessing: preprocessing, classNames: classNames)
    guard let triggers = fooling as? TriggerFooling else {
      gallery = positions.compactMap { position in
        pictures.picture(
          at: position, collected: collected,
          losses: (losses(results.original), losses(results.manipulated)))
      }
      return
    }
    // Each image without and with each trigger; the number beside a map is its distance to the target.
    gallery = positions.flatMap { position in
      triggers.attacks.indices.flatMap { index in
        [false, true].compactMap { isTriggered in
          func distances(_ result: EvaluationResult) -> [String: [Int: Double]] {
            result.triggered[index].distances.mapValues { pairs in
              (pairs[isTriggered ? .triggeredToTarget : .cleanToTarget] ?? [:]).mapValues {
                $0[triggers.dissimilarity.index]
              }
            }
          }
          if !isTriggered, index > 0 { return nil }
          return pictures.picture(
            at: position,
            collected: isTriggered
              ? (collected.original.triggered(index), collected.manipulated.triggered(index))
              : collected,
            losses: (distances(results.original), distances(results.manipulated)),
            under: isTriggered ? triggers.attacks[index].trigger : nil)
        }
      }
    }
  }

  package func json() throws -> Data { try JSONEncoder.nonFinite.encode(self) }

  /// - Parameter path: for messages.
  package init(_ data: Data, path: String) throws {
    do {
      self = try CheckedJSON.decode(Self.self, from: data, by: JSONDecoder.nonFinite)
    } catch {
      throw RunError(
        "\(path) cannot be read as the notes of a report: \(error); put the file back as the run has "
          + "written it, or remove it, and the report has no gallery")
    }
  }
}

/// Makes the gallery's pictures.
private struct GalleryPictures {
  let interpreters: [String]
  /// By interpreter: whether its maps have negative relevance.
  let isSigned: [Bool]
  let explained: ExplainedClasses
  let tested: any ImageSource
  let preprocessing: Preprocessing
  let classNames: [String]

  /// - Parameters:
  ///   - position: of the image among those that were tested.
  ///   - collected: what both networks say of it.
  ///   - losses: the numbers beside its maps, by interpreter and position.
  ///   - trigger: what the image bears.
  /// - Returns: `nil` for an image that cannot be read a second time.
  func picture(
    at position: Int, collected: (original: GalleryCollector, manipulated: GalleryCollector),
    losses: (original: [String: [Int: Double]], manipulated: [String: [Int: Double]]),
    under trigger: Trigger? = nil
  ) -> GalleryPicture? {
    let name = tested.name(at: position)
    guard let image = try? tested.image(at: position),
      var photograph = try? preprocessing.prepare(image, name: name),
      let original = collected.original.readings[position],
      let manipulated = collected.manipulated.readings[position]
    else { return nil }
    if let trigger {
      guard let marked = try? trigger.applied(to: photograph) else { return nil }
      photograph = marked
    }
    let label: Int? = explained.areOfLabelledImages ? tested.label(at: position) : nil
    let classes: [Int] =
      switch explained {
      case .labels: [tested.label(at: position)]
      case .predictions: [manipulated.classification.predicted]
      case .pair(let first, let second): [first, second]
      }
    func prediction(_ reading: GalleryCollector.Reading) -> GalleryPicture.Prediction {
      let best = reading.classification.predicted
      return GalleryPicture.Prediction(
        className: classNames[best], confidence: reading.classification.confidences[best])
    }
    let explanations = interpreters.enumerated().flatMap { index, name in
      classes.enumerated().map { place, explainedClass in
        func grid(_ reading: GalleryCollector.Reading) -> HeatmapGrid {
          HeatmapGrid(reading.heatmaps[index][place], isSigned: isSigned[index])
        }
        return GalleryPicture.Explanation(
          interpreter: name, className: classNames[explainedClass], original: grid(original),
          manipulated: grid(manipulated), originalLoss: losses.original[name]?[position] ?? .nan,
          manipulatedLoss: losses.manipulated[name]?[position] ?? .nan)
      }
    }
    return GalleryPicture(
      name: name + (trigger.map { ", \($0)" } ?? ""), label: label.map { classNames[$0] },
      photograph: GalleryImage(photograph), original: prediction(original),
      manipulated: prediction(manipulated),
      labelConfidence: label.map { original.classification.confidences[$0] },
      manipulatedLabelConfidence: label.map { manipulated.classification.confidences[$0] },
      explanations: explanations)
  }
}
