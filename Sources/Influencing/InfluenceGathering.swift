import Foundation
import Recipes
import Reports
import RunSupport

extension InfluenceReport {
  /// - Parameter network: what was loaded, in one sentence.
  package init(
    _ summary: InfluenceSummary, recipe: InfluenceRecipe, folder: String, cards: [Card],
    network: String
  ) {
    let lines = summary.results.map { result in
      Line(
        method: result.method, epsilon: result.epsilon, spearman: result.spearman,
        helpfulOverlap: result.helpfulOverlap, harmfulOverlap: result.harmfulOverlap,
        targetInfluenceLeft: result.targetInfluenceLeft, confidence: result.confidence.perturbed,
        keptLabels: result.keptLabels)
    }
    let solver =
      summary.solver == .direct
      ? "factorised"
      : "conjugate gradients, at most \(summary.mostProducts) products, relative residual at most "
        + short(summary.largestResidual)
    self.init(
      name: (folder as NSString).standardizingPath.split(separator: "/").last.map(String.init)
        ?? folder,
      toolVersion: summary.toolVersion, images: summary.images, tried: summary.tried,
      trainImages: summary.trainImages, top: summary.top, targets: summary.targets, lines: lines,
      facts: [
        .init("Network", network), .init("Data", recipe.data.description),
        .init(
          "Weights", "\(summary.weights) of \(summary.layers.joined(separator: ", "))"),
        .init("Hessian", "damped by \(short(summary.damping)); \(solver)"),
        .init("Folder", folder), .init("Version", "trompe \(summary.toolVersion)"),
      ], recipe: recipe.resolvedYAML(), cards: cards)
  }
}
