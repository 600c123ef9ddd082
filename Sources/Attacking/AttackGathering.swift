import Foolings
import Foundation
import ImageData
import Pictures
import Recipes
import Reports
import RunFolders
import RunSupport
import Similarity

/// What a report shows of one attack on one image.
struct AttackGallery {
  /// Among the subjects.
  package let place: Int
  package let record: AttackRecord
  package let result: AttackedImage
}

extension AttackReport {
  /// - Parameters:
  ///   - gallery: of all methods at the largest ε.
  ///   - classNames: of all the network's classes.
  ///   - facts: what was done, beside what the summary and the recipe say.
  init(
    _ summary: AttackSummary, recipe: AttackRecipe, folder: String, subjects: [AttackSubject],
    gallery: [AttackGallery], classNames: [String], facts: [RunReport.Fact]
  ) {
    let measures = SimilarityMeasures.all(topK: summary.topK)
    let lines = summary.results.map { result in
      Line(
        method: result.method, epsilon: result.epsilon,
        values: measures.map { result.means[$0.name] ?? .nan }, confidence: result.confidence,
        keptLabels: result.keptLabels, succeeded: result.succeeded)
    }
    let toTarget = SimilarityMeasures.toTarget
    let targets = summary.results.compactMap { result in
      result.target.map { target in
        TargetLine(
          method: result.method, epsilon: result.epsilon,
          clean: toTarget.map { target.clean[$0.name] ?? .nan },
          perturbed: toTarget.map { target.perturbed[$0.name] ?? .nan },
          imageMSE: target.imageMSE, logitMSE: target.logitMSE)
      }
    }
    let isSigned = subjects.contains { $0.heatmap.isSigned }
    func picture(_ image: Image, _ heatmap: Heatmap?) -> GalleryImage {
      let large = image.enlarged(toShorterSide: 112)
      return GalleryImage(
        heatmap.map { Overlay().picture(of: $0, over: large, isSigned: isSigned) } ?? large)
    }
    let cards = Dictionary(grouping: gallery, by: \.place).sorted { $0.key < $1.key }.map {
      place, attacks in
      let subject = subjects[place]
      let confidence = attacks[0].record.confidence.clean
      return Card(
        image: subject.name, label: classNames[subject.label],
        pictures: [
          Card.Picture(
            title: "original", confidence: confidence, values: [],
            photograph: picture(subject.picture, nil),
            overlay: picture(subject.picture, subject.heatmap))
        ]
          + (subject.target.map { target in
            [
              Card.Picture(
                title: "target", confidence: nil, values: [],
                photograph: picture(target.picture, nil),
                overlay: picture(target.picture, target.heatmap))
            ]
          } ?? [])
          + attacks.map { attack in
            Card.Picture(
              title: attack.record.method, confidence: attack.record.confidence.perturbed,
              values: measures.map { attack.record.measures[$0.name] ?? .nan },
              photograph: picture(attack.result.picture, nil),
              overlay: picture(attack.result.picture, attack.result.heatmap))
          })
    }
    self.init(
      name: (folder as NSString).standardizingPath.split(separator: "/").last.map(String.init)
        ?? folder,
      toolVersion: summary.toolVersion, interpreter: summary.interpreter, images: summary.images,
      tried: summary.tried, labelsArePredictions: summary.labelsArePredictions == true,
      measures: measures.map { Measure(title: $0.title, growsWithLikeness: $0.growsWithLikeness) },
      lines: lines,
      randomLines: summary.randomSimilarities?.map { similarity in
        RandomLine(
          epsilon: similarity.epsilon, draws: similarity.draws,
          values: measures.map { similarity.means[$0.name] ?? .nan })
      } ?? [],
      targetMeasures: toTarget.map(\.title), targets: targets,
      facts: facts + [
        .init("Interpreter", summary.interpreter),
        .init(
          "Heatmaps",
          "\(summary.heatmapHeight)×\(summary.heatmapWidth); k = \(summary.topK)"),
        .init("Data", recipe.data.description),
        .init(
          "Iterations",
          "\(recipe.attack.iterations) of \(short(recipe.attack.stepSize)) each, looked at every "
            + "\(recipe.attack.checkEvery); softplus β \(short(recipe.attack.beta))"),
        .init("Folder", folder), .init("Version", "trompe \(summary.toolVersion)"),
      ], recipe: recipe.resolvedYAML(), cards: cards)
  }
}
