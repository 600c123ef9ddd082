import Attacking
import Foundation
import Reports
import RunFolders
import RunSupport
import Similarity

/// `attack`: is a network whose explanations were manipulated, or that was trained against attacks, easier
/// or harder to attack by its images? `trompe attack` on each network, in a folder of its own.
enum AttackStudy {
  private struct Result: Encodable {
    let network: String
    let summary: AttackSummary
  }

  package static let kind = StudyKind(
    .attack, run: { stage, _ in try run(on: stage) },
    forecast: { stage, measures in
      let forecast = try AttackForecast(
        stage.recipe.attackRecipe(of: stage.recipe.study.checkpoints[0]),
        on: stage.setup.network.executor, measures: measures)
      let count = stage.subjects.count
      return StudyForecast.Part(
        name: "attack",
        work: "\(forecast.methods.map(\.name).joined(separator: ", ")) at "
          + "\(forecast.epsilons.count) values of ε on \(forecast.images) images of \(count) networks",
        seconds: forecast.seconds.map { $0 * Double(count) })
    })

  /// A network that is done already, when a run is resumed, is not done again.
  private static func run(on stage: StudyStage) throws -> StudyFindings {
    var results: [Result] = []
    for checkpoint in stage.recipe.study.checkpoints {
      let folder = stage.folder.studies + "/attack/" + checkpoint.name
      if let data = try stage.folder.contents(of: folder + "/summary.json"),
        let summary = try? JSONDecoder().decode(AttackSummary.self, from: data)
      {
        results.append(Result(network: checkpoint.name, summary: summary))
        continue
      }
      stage.observe(.note("attack on \(checkpoint.name)"))
      let summary = try stage.stoppable {
        try AttackRun(
          stage.recipe.attackRecipe(of: checkpoint), on: stage.setup.network.executor,
          output: folder, in: stage.folder,
          stop: stage.stop, observe: stage.observe
        ).run()
      }
      results.append(Result(network: checkpoint.name, summary: summary))
    }
    return try StudyFindings(results, section: section(results, stage))
  }

  private static func section(_ results: [Result], _ stage: StudyStage) -> StudyReport.Section {
    let measures = SimilarityMeasures.all(topK: results[0].summary.topK).prefix(2)
    let methods = results[0].summary.results.reduce(into: [String]()) {
      if !$0.contains($1.method) { $0.append($1.method) }
    }
    let epsilons = Set(results[0].summary.results.map(\.epsilon)).sorted()
    func result(_ summary: AttackSummary, _ method: String, _ epsilon: Double)
      -> AttackSummary.Result?
    {
      summary.results.first { $0.method == method && $0.epsilon == epsilon }
    }
    let charts = methods.flatMap { method in
      measures.map { measure in
        StudyReport.Chart(
          title: "\(method): \(measure.title)", xTitle: "ε, of 255",
          series: results.map { network in
            .init(
              name: network.network,
              points: epsilons.compactMap { epsilon in
                result(network.summary, method, epsilon)?.means[measure.name].map {
                  .init(x: epsilon, y: $0)
                }
              })
          })
      }
    }
    let tables = measures.map { measure in
      StudyReport.Table(
        caption: measure.title, head: epsilons.map { "ε \(short($0))" },
        rows: results.flatMap { network in
          methods.map { method in
            .init(
              "\(network.network), \(method)",
              epsilons.map { epsilon in
                let value = result(network.summary, method, epsilon)?.means[measure.name] ?? .nan
                return .init(String(format: "%.3f", value), share: max(0, value))
              })
          }
        })
    }
    let largest = epsilons.last ?? 0
    let findings = results.map { network in
      let parts = methods.map { method in
        let value = result(network.summary, method, largest)?.means["topKIntersection"] ?? .nan
        return "\(method) \(String(format: "%.2f", value))"
      }
      return
        "\(network.network): at ε \(short(largest)) this share of the most relevant pixels stays "
        + "so: \(parts.joined(separator: ", "))."
    }
    return StudyReport.Section(
      name: "attack", title: "Attacks on images",
      question: "How far do small changes of images move the explanations of each network?",
      findings: findings, tables: tables, charts: charts,
      note:
        "\(results[0].summary.interpreter), \(results[0].summary.images) images that the network "
        + "classifies correctly; labels are kept. Each network has a report of its own, with pictures, "
        + "in studies/attack/.")
  }
}
