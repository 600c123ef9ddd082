import Checkpoints
import Faithfulness
import RunSupport

/// Metrics of heatmaps, and on how many images they are measured.
public struct MetricsSection: Hashable, Sendable {
  /// As many images as are held in memory with all their heatmaps.
  static let imageLimit = 1024

  public var metrics: [MetricSpecification]
  /// Of the validation split, evenly spread.
  public var images: Int
  /// Of masks, noise and random parameters.
  public var seed: UInt64

  public init(
    metrics: [MetricSpecification] = MetricKind.all.map { MetricSpecification($0.name) },
    images: Int = 64, seed: UInt64 = 0
  ) {
    (self.metrics, self.images, self.seed) = (metrics, images, seed)
  }

  /// Metrics as options of the command line give them.
  /// - Parameters:
  ///   - options: `name[,name…]`, `all`, or what a recipe's list of metrics holds, a mapping in flow style:
  ///     `{name: road, noise: 0.02}`.
  ///   - option: `--metric`, for messages.
  ///   - images: how many; the default if `nil`.
  ///   - seed: of random choices; the default if `nil`.
  /// - Throws: `RecipeError` for what a recipe may not say either.
  public init(options: [String], option: String, images: Int?, seed: UInt64?) throws {
    self.init()
    var entries: [String] = []
    for text in options {
      if text.drop(while: \.isWhitespace).first == "{" {
        entries.append(text)
      } else if text == "all" {
        entries += MetricKind.all.map(\.name)
      } else {
        entries += text.split(separator: ",", omittingEmptySubsequences: false).map {
          "\"\($0.filter { !$0.isWhitespace && $0 != "\"" && $0 != "\\" })\""
        }
      }
    }
    let setting = RecipeSetting(
      path: "study.faithfulness.metrics", value: "[\(entries.joined(separator: ", "))]",
      label: "\(option) \(printable(options.joined(separator: " ")))")
    let problems = RecipeProblems(file: "")
    let root = try RecipeDocument(
      yaml: "{}", name: "", folder: RecipePath.currentFolder, settings: [setting]
    ).root
    let section = RecipeSection(
      root, kind: .study, folder: RecipePath.currentFolder, problems: problems
    ).section("study").section("faithfulness")
    self = Self.schema.read(section)
    guard problems.isEmpty else { throw problems.error }
    self.images = images ?? self.images
    self.seed = seed ?? self.seed
  }
}

extension MetricsSection {
  static let schema = RecipeSchema(
    MetricsSection(),
    [
      list,
      .defaulted(
        "images", \.images, .integer(1...imageLimit),
        "images of the validation split, evenly spread"),
      .defaulted("seed", \.seed, .seed, "of masks, noise and random parameters"),
    ])

  /// Names or mappings.
  private static let list = RecipeField<MetricsSection>(
    keys: { path, _ in
      [
        RecipeKeyDescription(
          path: "\(path).metrics", type: "list of names or mappings", range: "1 to 100",
          fallback: "all",
          meaning: "metrics of heatmaps (metrics.md): "
            + MetricKind.all.map { "`\($0.name)`" }.joined(separator: ", ")
            + "; one with options is a mapping")
      ] + MetricSpecification.schema.keys(in: "\(path).metrics[]")
    },
    read: { section, value in
      guard let node = section.node["metrics"] else { return }
      guard let nodes = node.list, (1...100).contains(nodes.count) else {
        section.problems.add(
          "\(section.full("metrics")) is \(node.shown), expected a list of 1 to 100, e.g. [road, "
            + "{name: infidelity, patch: 8}]", at: node.origin)
        return
      }
      let before = section.problems.count
      let mappings = nodes.map { node in
        node.text == nil
          ? node
          : RecipeNode(
            .mapping([RecipeNode.Entry(key: "name", origin: node.origin, value: node)]),
            at: node.origin)
      }
      value.metrics = mappings.indices.map {
        MetricSpecification.schema.read(section.element($0, of: mappings, in: "metrics"))
      }
      guard section.problems.count == before else { return }
      let full = value.metrics.compactMap { try? $0.resolved() }
      if Set(full).count < full.count {
        section.report("\(section.full("metrics")) has a metric twice", at: "metrics")
      }
    },
    write: { section in
      [
        (
          "metrics",
          .list(
            section.metrics.map {
              $0.given.isEmpty ? .plain($0.name) : MetricSpecification.schema.node($0)
            })
        )
      ]
    })
}

extension MetricSpecification {
  static let schema = RecipeSchema(
    MetricSpecification(""),
    [
      .required("name", \.name, .text(), "a metric"),
      .automatic(
        "runs", \.runs, .integer(2...100_000), else: "100",
        "`faithfulness-correlation`: random subsets of each image"),
      .automatic(
        "subset", \.subset, .integer(1...(1 << 28)), else: "224",
        "`faithfulness-correlation`: samples of a subset; a pixel has one for each channel"),
      .automatic(
        "percentages", \.percentages,
        .list(of: .number(.above(0, to: 100)), named: "numbers", count: 1...1000),
        else: "1, 3, …, 99", "`road`: how much of an image is filled"),
      .automatic(
        "noise", \.noise, .number(.notNegative), else: "0.01",
        "`road`: standard deviation of what is added to filled samples"),
      .automatic(
        "patch", \.patch, .integer(1...4096), else: "4", "`infidelity`: side of a patch in pixels"),
      .automatic(
        "samples", \.samples, .integer(1...100_000), else: "200",
        "`max-sensitivity`: noisy versions of each image"),
      .automatic(
        "radius", \.radius, .number(.above(0, to: 1e6)), else: "0.2",
        "`max-sensitivity`: largest change of a sample of the preprocessed input"),
      .automatic(
        "step", \.step, .integer(1...(1 << 28)), else: "a row",
        "`deletion`, `insertion`: pixels that change at once"),
      .automatic(
        "fill", \.fill, .choice(PixelCurve.Fill.self), else: "zero, of insertion blur",
        "`deletion`, `insertion`: what stands where a pixel is missing"),
      .automatic(
        "bins", \.bins, .integer(2...100_000), else: "100", "`emprt`: bins of the histogram"),
    ],
    check: { value, section in
      guard section.has("name") else { return }
      do { _ = try value.resolved() } catch {
        section.problems.add("\(section.path): \(error)", at: section.origin(of: "name"))
      }
    })
}
