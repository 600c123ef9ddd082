import Reports

/// `weight-noise`: does a manipulation survive noise on the weights that the accuracy survives?
enum WeightNoiseStudy {
  private static let name = "weight-noise"

  package static let kind = StudyKind(
    .weightNoise,
    run: { stage, log in
      let study = stage.recipe.study
      let sweep = NoiseSweep(name: name, noise: study.weightNoise)
      let points = try sweep.run(on: stage, log) { index, strength, draw in
        try stage.show(
          index, with: WeightNoise(strength: strength, seed: study.seed, draw: draw))
        return nil
      }
      return try StudyFindings(
        points.flatMap(\.self),
        section: sweep.section(
          points, title: "Noise on the weights",
          question: "Does the manipulation survive Gaussian noise on the weights?",
          unit: "σ, in standard deviations of each parameter",
          note:
            "To each entry of a parameter, noise is added whose standard deviation is σ times that "
            + "of the parameter's entries; running statistics stay. Heatmaps are by "
            + "\(stage.interpreter.name), compared with those of the original network without noise.",
          subjects: stage.subjects))
    },
    forecast: { stage, measures in
      try NoiseSweep(name: name, noise: stage.recipe.study.weightNoise)
        .forecast(on: stage, measures: measures)
    })
}
