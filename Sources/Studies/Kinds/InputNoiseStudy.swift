import Reports

/// `input-noise`: does a manipulation survive noise on the images?
enum InputNoiseStudy {
  private static let name = "input-noise"

  package static let kind = StudyKind(
    .inputNoise,
    run: { stage, log in
      let study = stage.recipe.study
      let sweep = NoiseSweep(name: name, noise: study.inputNoise)
      let points = try sweep.run(on: stage, log) { index, strength, draw in
        try stage.show(index)
        return InputNoise(strength: strength, seed: study.seed, draw: draw).applied
      }
      return try StudyFindings(
        points.flatMap(\.self),
        section: sweep.section(
          points, title: "Noise on the images",
          question: "Does the manipulation survive Gaussian noise on the images?",
          unit: "σ, in units of the normalised input",
          note:
            "To each sample of the normalised input, noise of standard deviation σ is added; 1 is a "
            + "channel's standard deviation in the preprocessing. Heatmaps are by "
            + "\(stage.interpreter.name), compared with those of the original network without noise.",
          subjects: stage.subjects))
    },
    forecast: { stage, measures in
      try NoiseSweep(name: name, noise: stage.recipe.study.inputNoise)
        .forecast(on: stage, measures: measures)
    })
}
