# The additive model of peers.py in mgcv: Rscript peers_bam.R OUTCOME rows.csv points.csv graph.json out.csv
# n_k is 1 where action k was not set; a smooth with by = n_k is a confounding component, switched off elsewhere.
suppressPackageStartupMessages(library(mgcv))
given <- commandArgs(trailingOnly = TRUE)
rows <- read.csv(given[2])
points <- read.csv(given[3])
graph <- jsonlite::fromJSON(given[4])

terms <- c()
for (action in names(graph)) {
  here <- mean(rows[[action]])
  off <- paste0("n_", action)
  terms <- c(terms, sprintf("s(%s, k = 13)", action), off)
  terms <- c(terms, sprintf("s(%s, by = %s, k = 13, pc = %.10g)", action, off, here))
  for (parent in unlist(graph[[action]])) {
    there <- mean(rows[[parent]])
    terms <- c(terms, sprintf("s(%s, by = %s, k = 9, pc = %.10g)", parent, off, there))
    terms <- c(terms, sprintf("ti(%s, %s, by = %s, k = 4)", action, parent, off))
  }
}
formula <- as.formula(paste(given[1], "~", paste(terms, collapse = " + ")))
seconds <- system.time(fit <- bam(formula, data = rows, method = "fREML", discrete = TRUE))[["elapsed"]]
for (action in names(graph)) points[[paste0("n_", action)]] <- 0
effect <- predict(fit, points, se.fit = TRUE, discrete = FALSE)
write.csv(data.frame(mean = effect$fit, se = effect$se.fit, seconds = seconds), given[5], row.names = FALSE)
