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
    let (before, after) = (losses(results.original), losses(results.manipulated))
    gallery = positions.compactMap { position in
      // Read a second time: an image that has gone meanwhile is omitted from the gallery.
      guard let image = try? tested.image(at: position),
        let photograph = try? preprocessing.prepare(image, name: tested.name(at: position)),
        let original = collected.original.readings[position],
        let manipulated = collected.manipulated.readings[position]
      else { return nil }
      let label: Int? = fooling.explained == .labels ? tested.label(at: position) : nil
      let explained: [Int] =
        switch fooling.explained {
        case .labels: [tested.label(at: position)]
        case .pair(let first, let second): [first, second]
        }
      func prediction(_ reading: GalleryCollector.Reading) -> GalleryPicture.Prediction {
        let best = reading.classification.predicted
        return GalleryPicture.Prediction(
          className: classNames[best], confidence: reading.classification.confidences[best])
      }
      let explanations = interpreters.enumerated().flatMap { index, name in
        explained.enumerated().map { place, explainedClass in
          func grid(_ reading: GalleryCollector.Reading) -> HeatmapGrid {
            HeatmapGrid(reading.heatmaps[index][place], isSigned: isSigned[index])
          }
          return GalleryPicture.Explanation(
            interpreter: name, className: classNames[explainedClass], original: grid(original),
            manipulated: grid(manipulated), originalLoss: before[name]?[position] ?? .nan,
            manipulatedLoss: after[name]?[position] ?? .nan)
        }
      }
      return GalleryPicture(
        name: tested.name(at: position), label: label.map { classNames[$0] },
        photograph: GalleryImage(photograph), original: prediction(original),
        manipulated: prediction(manipulated),
        labelConfidence: label.map { original.classification.confidences[$0] },
        manipulatedLabelConfidence: label.map { manipulated.classification.confidences[$0] },
        explanations: explanations)
    }
  }

  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return try encoder.encode(self)
  }

  /// - Parameter path: for messages.
  package init(_ data: Data, path: String) throws {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      self = try CheckedJSON.decode(Self.self, from: data, by: decoder)
    } catch {
      throw RunError(
        "\(path) cannot be read as the notes of a report: \(error); put the file back as the run has "
          + "written it, or remove it, and the report has no gallery")
    }
  }
}
