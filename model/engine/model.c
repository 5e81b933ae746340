#include "model/engine/model.h"
#include "model/engine/file.h"
#include "model/engine/hash.h"

#include <stdlib.h>
#include <unistd.h>

#define LARGE_FILE (16u << 20)
#define PACKERS    4u

static mw_lm_err choose_kernels(const struct lm_load *load, const char *name)
{
	if (!name || !*name)
		name = getenv("MW_LM_KERNELS");
	load->model->ops = lm_kernels_find(name);
	if (!load->model->ops)
		return lm_why(load->why, MW_LM_E_UNSUPPORTED,
			      "kernels %s are not known or not for this processor", name);
	load->model->info.kernels = load->model->ops->name;
	return MW_LM_E_OK;
}

static mw_lm_err start_threads(const struct lm_load *load, uint32_t n)
{
	if (n > MW_LM_MAX_THREADS)
		return lm_why(load->why, MW_LM_E_ARGUMENT, "%u threads, more than %u", n,
			      MW_LM_MAX_THREADS);
	if (n > 1 && lm_pool_new(n, &load->model->pool) != MW_LM_E_OK)
		return lm_why(load->why, MW_LM_E_MEMORY, "no %u threads", n);
	return MW_LM_E_OK;
}

/* Reads the weights.  Those of a large file are packed on all processors, whatever shares the passes
 * later. */
static mw_lm_err read_weights(const struct lm_load *load)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	struct lm_load shared = *load;
	struct lm_pool *pool = NULL;
	mw_lm_err err;

	if (!load->model->pool && load->gguf->size >= LARGE_FILE && n > 1 &&
	    lm_pool_new(n < PACKERS ? (uint32_t)n : PACKERS, &pool) != MW_LM_E_OK)
		pool = NULL;
	shared.pool = pool ? pool : load->model->pool;
	err = lm_weights_read(&shared);
	lm_pool_free(pool);
	return err;
}

static mw_lm_err load_model(const struct lm_load *load, const struct mw_lm_options *options)
{
	struct mw_lm *model = load->model;
	mw_lm_err err;

	model->precision = options->precision;
	model->arena.limit = options->memory_limit;
	model->arena.large = true;
	model->info.file_size = load->gguf->size;
	err = choose_kernels(load, options->kernels);
	if (!err)
		err = lm_hash_check(load->gguf, load->file, load->why);
	if (!err)
		err = start_threads(load, options->threads);
	if (!err)
		err = lm_arch_read(load);
	if (!err)
		err = lm_vocab_read(load);
	if (!err)
		err = read_weights(load);
	model->info.weight_bytes = model->arena.used;
	return err;
}

static mw_lm_err open_file(const struct lm_file *file, bool mapped,
			   const struct mw_lm_options *options, struct mw_lm **ret_model,
			   const struct lm_why *why)
{
	static const struct mw_lm_options defaults;
	struct mw_lm *model;
	struct gguf gguf;
	mw_lm_err err = gguf_parse(file->data, file->size, &gguf, why);

	if (err)
		return err;
	model = calloc(1, sizeof(*model));
	if (model)
		err = load_model(&(struct lm_load){&gguf, model, why, mapped ? file : NULL, NULL},
				 options ? options : &defaults);
	else
		err = lm_why(why, MW_LM_E_MEMORY, "no memory for the model");
	gguf_done(&gguf);
	if (err) {
		mw_lm_close(model);
		return err;
	}
	*ret_model = model;
	return MW_LM_E_OK;
}

mw_lm_err mw_lm_open_memory(const void *data, size_t size, const struct mw_lm_options *options,
			    struct mw_lm **ret_model, char *why_text, size_t why_size)
{
	return open_file(&(struct lm_file){data, size}, false, options, ret_model,
			 &(struct lm_why){why_text, why_size});
}

mw_lm_err mw_lm_open(const char *path, const struct mw_lm_options *options,
		     struct mw_lm **ret_model, char *why_text, size_t why_size)
{
	const struct lm_why why = {why_text, why_size};
	struct lm_file file;
	mw_lm_err err = lm_file_map(path, &file, &why);

	if (err)
		return err;
	err = open_file(&file, true, options, ret_model, &why);
	lm_file_unmap(&file);
	return err;
}

void mw_lm_close(struct mw_lm *model)
{
	if (!model)
		return;
	lm_pool_free(model->pool);
	lm_arena_done(&model->arena);
	free(model);
}

const struct mw_lm_info *mw_lm_info(const struct mw_lm *model)
{
	return &model->info;
}
